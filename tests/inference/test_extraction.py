"""Cutting, batching, reading and joining, with an extractor that shows what it was given."""

import tracemalloc

import numpy as np
import pytest
import torch

from c2ser.ark import ArkWriter
from c2ser.datadir import write_table
from c2ser.errors import InputError
from c2ser.inference.extraction import Audio, Chunk, buckets, cut, extract
from c2ser.inference.parts import Parts
from c2ser.inference.pooling import join_chunks


class Echo:
    """Gives mean and deviation of the samples, as a network of one dimension whose frames are the samples would."""

    names, wide = ("layers",), 1
    join = {"layers": lambda values, counts: join_chunks(values, counts, dim=1)}

    def __init__(self):
        self.batches = []

    def __call__(self, speech, lengths):
        self.batches.append(lengths.tolist())
        rows = [row[:count] for row, count in zip(speech, lengths.tolist())]
        made = torch.stack([torch.stack([row.mean(), row.std(unbiased=False)]) for row in rows])
        return {"layers": made[:, None].expand(-1, self.wide, -1).numpy()}, lengths.tolist()


def dump(folder, lengths):
    random = np.random.default_rng(0)
    waves = {name: random.normal(0, 1000, length) for name, length in lengths.items()}
    waves = {name: (wave + 300 * row).astype(np.int16) for row, (name, wave) in enumerate(waves.items())}
    with ArkWriter(folder / "audio.ark", folder / "wav.scp") as writer:
        for name, wave in waves.items():
            writer[name] = 16000, wave
    write_table(folder / "utt2num_samples", lengths)
    return Audio.read(folder / "wav.scp", folder / "utt2num_samples"), waves


def test_cut():
    assert cut("u", 1000, 1000) == [Chunk("u", 0, 1000, 1)]
    assert cut("u", 2002, 1000) == [Chunk("u", 0, 667, 3), Chunk("u", 667, 1335, 3), Chunk("u", 1335, 2002, 3)]
    assert cut("u", 112, 1000) == [Chunk("u", 0, 400, 1)]


def test_buckets():
    chunks = [Chunk(name, 0, length, 1) for name, length in {"e": 90, "a": 10, "d": 25, "b": 20, "c": 25}.items()]

    def names(limit):
        return ["".join(chunk.utterance for chunk in batch) for batch in buckets(chunks, limit)]

    assert names(75) == ["abc", "d", "e"]
    assert names(1) == list("abcde")
    assert names(1e6) == ["abcde"]
    assert list(buckets([], 10)) == []
    chunks = [Chunk(name, 0, length, 1) for name, length in zip("abcdef", (400, 2000, 2001, 30000, 33000, 33001))]
    assert names(10**6) == ["ab", "c", "de", "f"]


@pytest.mark.parametrize("batch", [1, 9000, 10**9])
def test_chunks_are_joined_to_their_utterance(tmp_path, batch):
    audio, waves = dump(tmp_path, {"a": 7001, "b": 2500, "c": 112, "d": 7001, "e": 900})
    echo = Echo()
    made = dict(extract(echo, audio, "abcde", 3000, batch))
    assert set(made) == set("abcde") and sum(map(len, echo.batches)) == 9
    assert all(len(lengths) * max(lengths) <= batch or len(lengths) == 1 for lengths in echo.batches)
    assert {max(lengths) for lengths in echo.batches} <= {400, 900, 2333, 2334, 2500}
    for name, wave in waves.items():
        heard = np.pad(wave, (0, max(0, 400 - len(wave)))) / 32768
        np.testing.assert_allclose(made[name]["layers"], [[heard.mean(), heard.std()]], rtol=1e-4, atol=1e-8)


def test_long_recordings_are_read_once(tmp_path, monkeypatch):
    audio, _ = dump(tmp_path, {"a": 30000, "b": 30000})
    read = []
    whole = Audio.wave
    monkeypatch.setattr(Audio, "wave", lambda self, utterance: read.append(utterance) or whole(self, utterance))
    assert len(list(extract(Echo(), audio, "ab", 3000, 5000))) == 2
    assert read == ["a", "b"]


def test_memory_does_not_grow(tmp_path):
    """200 utterances with a quarter of a megabyte of features each, a tenth of them in chunks: the peak is a few."""
    lengths = {f"u{number:03d}": 400 + 3 * number if number % 10 else 2000 for number in range(200)}
    audio, _ = dump(tmp_path / "dump", lengths)
    echo = Echo()
    echo.wide = 1 << 15
    parts = Parts(tmp_path / "out", echo.names, {})

    def peak(number, utterances):
        tracemalloc.start()
        parts.write(number, extract(echo, audio, utterances, 1000, 4000))
        try:
            return tracemalloc.get_traced_memory()[1] / 2**20
        finally:
            tracemalloc.stop()

    names = sorted(lengths)
    few, many = peak(1, names[:20]), peak(2, names[20:])
    assert sum(path.stat().st_size for path in (tmp_path / "out/parts").glob("*.ark")) > 49 * 2**20
    assert many < few + 4


def test_what_cannot_be_read_is_named(tmp_path):
    audio, _ = dump(tmp_path, {"a": 4000, "b": 500})
    with pytest.raises(InputError, match="utterance b: .*nowhere.ark:5: no such file"):
        list(extract(Echo(), Audio({**audio.entries, "b": "/nowhere.ark:5"}, audio.samples), "ab", 3000, 9000))
    with pytest.raises(InputError, match="utterance a: 4000 samples, but the table of lengths says 3999"):
        list(extract(Echo(), Audio(audio.entries, {"a": 3999, "b": 500}), "ab", 3000, 9000))


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ({"a": 0, "b": 5}, "utt2num_samples: a: no samples; leave it out of"),
        ({"a": 5}, "utt2num_samples: b: absent"),
        ({"a": "x", "b": 5}, "a: number of samples 'x', expected digits"),
        ({"a": -3, "b": 5}, "a: number of samples '-3', expected digits"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, lengths, words):
    write_table(tmp_path / "wav.scp", {"a": "x.ark:5", "b": "x.ark:9"})
    write_table(tmp_path / "utt2num_samples", lengths)
    with pytest.raises(InputError, match=words):
        Audio.read(tmp_path / "wav.scp", tmp_path / "utt2num_samples")

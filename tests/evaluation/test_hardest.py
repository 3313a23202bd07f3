import io

import numpy as np
import pytest
import soundfile

from c2ser.datadir import write_table
from c2ser.errors import InputError
from c2ser.evaluation.hardest import encode, hardest, hardest_rows, with_clips, with_texts
from c2ser.evaluation.predictions import PredictedSet

CLASSES = ("angry", "happy", "neutral", "sad", "surprised")


def a_set(data_dir="data", rows=((0.9, 0.1, 0, 0, 0), (0.2, 0.6, 0.1, 0.1, 0), (0, 0, 0.05, 0.95, 0), (0.5, 0, 0, 0, 0.5))):
    names = [f"{data_dir[-1]}{number}" for number in range(len(rows))]
    reference = ["happy", "sad", "sad", "surprised"][: len(rows)]
    return PredictedSet(str(data_dir), "exp", names, reference, reference, ["s"] * len(rows), None, {},
                        np.array(rows), CLASSES)  # fmt: skip


def test_the_surest_errors_come_first():
    """By posteriors, not by what was predicted; of two equal classes the first is the answer."""
    found = hardest([a_set()])
    assert [(error.utterance, error.truth, error.answer) for error in found] == [
        ("a0", "happy", "angry"), ("a1", "sad", "happy"), ("a3", "surprised", "angry")
    ]  # fmt: skip
    assert found[0].posterior == 0.9 and [label for label, _ in found[0].top] == ["angry", "happy", "neutral"]
    assert found[1].top == (("happy", 0.6), ("angry", 0.2), ("neutral", 0.1), ("sad", 0.1))  # the true class too
    assert [error.utterance for error in hardest([a_set("b"), a_set("a")], 3)] == ["a0", "b0", "a1"]


def test_no_errors_and_no_posteriors():
    assert hardest([a_set(rows=[(0, 1, 0, 0, 0)])]) == [] and hardest_rows([]) == []
    bare = PredictedSet("data", "exp/x", ["u"], ["sad"], ["angry"], ["s"])
    with pytest.raises(InputError, match="exp/x: no posteriors"):
        hardest([bare])
    for count in (0, 11):
        with pytest.raises(InputError, match=f"{count} hardest errors: give 1 to 10"):
            hardest([a_set()], count)


def test_the_table_tells_nothing_that_was_said():
    rows = hardest_rows(hardest([a_set()]))
    assert rows[0] == ["Utterance", "test set", "true", "answered", "posterior", "of the true class"]
    assert rows[1] == ["a0", "data", "happy", "angry", "0.900", "0.100"]


@pytest.fixture
def data(tmp_path):
    write_table(tmp_path / "a/text", {f"a{i}": f"words {i}" for i in range(4)})
    write_table(tmp_path / "a/utt2lang", dict.fromkeys([f"a{i}" for i in range(4)], "it"))
    write_table(tmp_path / "explicit/answers", {"a0": "Loud. Emotion: happy.", "a1": "", "a3": "x"})
    return tmp_path


def test_texts_are_added(data):
    found = with_texts(hardest([a_set(str(data / "a"))]), {str(data / "a"): data / "explicit"})
    assert (found[0].transcript, found[0].language, found[0].rationale) == ("words 0", "it", "Loud. Emotion: happy.")
    bare = with_texts(hardest([a_set(str(data / "a"))]))
    assert [error.rationale for error in bare] == [""] * 3 and bare[2].transcript == "words 3"
    write_table(data / "explicit/answers", {"a1": "x"})
    with pytest.raises(InputError, match="explicit/answers: no answer for a0; decode"):
        with_texts(hardest([a_set(str(data / "a"))]), {str(data / "a"): data / "explicit"})
    assert with_texts(hardest([a_set("nowhere")]))[0].transcript == ""


def test_recordings_are_added_and_cut(tmp_path):
    for name, seconds in (("a0", 9.5), ("a1", 0.5), ("a3", 1)):
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 16000)) / 16000)
        soundfile.write(tmp_path / f"{name}.wav", tone, 16000)
    write_table(tmp_path / "wav.scp", {name: str(tmp_path / f"{name}.wav") for name in ("a0", "a1", "a3")})
    long, short, _ = with_clips(hardest([a_set()]), tmp_path / "wav.scp")
    assert (long.seconds, short.seconds) == (9.5, 0.5)
    samples, rate = soundfile.read(io.BytesIO(long.clip))
    assert rate == 16000 and 8 <= len(samples) / rate < 8.2 and len(long.clip) < 64_000
    spectrum = np.abs(np.fft.rfft(samples[8000:24000]))
    assert abs(int(spectrum.argmax()) - 440) <= 1  # one second: bins of 1 Hz
    write_table(tmp_path / "wav.scp", {"a1": str(tmp_path / "a1.wav")})
    with pytest.raises(InputError, match="wav.scp: no entry for a0; dump the audio of data"):
        with_clips(hardest([a_set()]), tmp_path / "wav.scp")


def test_the_same_samples_give_the_same_bytes():
    samples = np.random.default_rng(0).normal(0, 0.8, 16000).astype(np.float32)  # some beyond full scale
    assert encode(samples) == encode(samples) != encode(samples[::-1])

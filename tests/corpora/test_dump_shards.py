"""Dumped audio in shards: bounded, with one index, and a rerun makes only what is not there."""

import json

import kaldiio
import numpy as np
import pytest
import soundfile

from c2ser.bin import dump_audio
from c2ser.datadir import DataDir, read_table
from c2ser.errors import InputError

SECONDS = (0.5, 0.25, 1.0, 0.1, 0.4, 0.3, 2.0, 0.2)
SHARD_MB = 0.03  # 15,000 samples


@pytest.fixture
def data(tmp_path):
    """Eight utterances, a file each."""
    random, data = np.random.default_rng(0), DataDir(tmp_path / "data")
    paths = {f"s-{number}": tmp_path / f"{number}.wav" for number in range(len(SECONDS))}
    for path, seconds in zip(paths.values(), SECONDS):
        soundfile.write(path, random.uniform(-1, 1, round(16000 * seconds)), 16000)
    data.write("wav.scp", paths)
    data.write_speakers(dict.fromkeys(paths, "s"))
    return data


def dump(data, out, **options):
    options = [word for name, value in {"shard_mb": SHARD_MB, **options}.items() for word in (f"--{name}", str(value))]
    dump_audio.main(["--data_dir", str(data.path), "--out_dir", str(out), *options])


def files(out, pattern="*"):
    return {path.name: path.read_bytes().replace(str(out).encode(), b"") for path in out.glob(pattern)}


def times(out):
    return {path.name: path.stat().st_mtime_ns for path in out.glob("audio.1.0*.ark")}


def test_shards_are_bounded_and_the_index_reads_all(data, tmp_path):
    dump(data, tmp_path / "dump")
    # a shard ends with the utterance that takes it to 15,000 samples: 8000 4000 16000 | 1600 6400 4800 32000 | 3200
    assert sorted(times(tmp_path / "dump")) == [f"audio.1.000{number}.ark" for number in (1, 2, 3)]
    held = [len(read_table(path)) for path in sorted((tmp_path / "dump").glob("*.index"))]
    assert held == [3, 4, 1]
    index = kaldiio.load_scp(str(tmp_path / "dump/audio.1.scp"))
    assert list(index) == data.utterances()
    for utterance, path in data.read("wav.scp").items():
        rate, samples = index[utterance]
        assert rate == 16000 and np.array_equal(samples, soundfile.read(path, dtype="int16")[0])
    lengths = read_table(tmp_path / "dump/utt2num_samples.1")
    assert list(map(int, lengths.values())) == [round(16000 * seconds) for seconds in SECONDS]
    with pytest.raises(InputError, match="--shard_mb 0: expected a number above 0"):
        dump(data, tmp_path / "dump", shard_mb=0)


def test_a_rerun_goes_on_behind_the_shards_that_are_there(data, tmp_path):
    dump(data, tmp_path / "whole")
    sound = (tmp_path / "6.wav").read_bytes()
    (tmp_path / "6.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match="utterance s-6: "):
        dump(data, tmp_path / "dump")
    first = times(tmp_path / "dump")
    assert list(first) == ["audio.1.0001.ark"] and not (tmp_path / "dump/audio.1.scp").exists()
    (tmp_path / "6.wav").write_bytes(sound)
    dump(data, tmp_path / "dump")
    assert first.items() <= times(tmp_path / "dump").items()
    # the journal alone has another order of events, and another time of the mended file
    made, wanted = files(tmp_path / "dump", "*[!s]"), files(tmp_path / "whole", "*[!s]")
    assert made == wanted and len(wanted) == 8
    before = times(tmp_path / "dump")
    dump(data, tmp_path / "dump")
    assert times(tmp_path / "dump") == before


@pytest.mark.parametrize("what", ["ark cut", "ark gone", "index gone", "journal cut"])
def test_a_shard_that_is_not_whole_is_made_again_alone(data, tmp_path, what):
    dump(data, tmp_path / "whole")
    dump(data, tmp_path / "dump")
    before = times(tmp_path / "dump")
    ark, index, journal = (tmp_path / "dump" / f"audio.1.{end}" for end in ("0002.ark", "0002.index", "shards"))
    if what == "journal cut":  # in the last line
        journal.write_bytes(journal.read_bytes()[:-9])
    elif what == "ark cut":
        ark.write_bytes(ark.read_bytes()[:-1])
    else:
        {"ark gone": ark, "index gone": index}[what].unlink()
    dump(data, tmp_path / "dump")
    assert files(tmp_path / "dump", "*[!s]") == files(tmp_path / "whole", "*[!s]")
    changed = {name for name, time in times(tmp_path / "dump").items() if time != before.get(name)}
    assert changed == {"audio.1.0003.ark" if what == "journal cut" else "audio.1.0002.ark"}


def test_other_sound_and_other_tables_are_made_again(data, tmp_path):
    dump(data, tmp_path / "dump")
    before = times(tmp_path / "dump")
    soundfile.write(tmp_path / "4.wav", np.zeros(1700), 16000)  # of the second shard, which gets room for the last one
    dump(data, tmp_path / "dump")
    after = times(tmp_path / "dump")
    assert {name for name in after if after[name] != before[name]} == {"audio.1.0002.ark"}
    assert int(read_table(tmp_path / "dump/utt2num_samples.1")["s-4"]) == 1700
    data.write("wav.scp", {utterance: path for utterance, path in data.read("wav.scp").items() if utterance < "s-3"})
    data.write_speakers(dict.fromkeys(("s-0", "s-1", "s-2"), "s"))
    dump(data, tmp_path / "dump")
    assert list(times(tmp_path / "dump")) == ["audio.1.0001.ark"]
    assert list(read_table(tmp_path / "dump/audio.1.scp")) == ["s-0", "s-1", "s-2"]


def test_what_was_left_out_is_remembered_and_told(data, tmp_path):
    for number in (1, 3):
        (tmp_path / f"{number}.wav").write_bytes(b"RIFF")
    dump(data, tmp_path / "dump", skip_bad="true")
    excluded = (tmp_path / "dump/excluded.1").read_bytes()
    assert list(read_table(tmp_path / "dump/excluded.1")) == ["s-1", "s-3"]
    entries = [json.loads(line) for line in (tmp_path / "dump/audio.1.shards").read_text().splitlines()[1:]]
    assert [list(entry["bad"]) for entry in entries] == [["s-1"], ["s-3"], []]
    (tmp_path / "dump/audio.1.0003.ark").unlink()
    dump(data, tmp_path / "dump", skip_bad="true")
    assert (tmp_path / "dump/excluded.1").read_bytes() == excluded
    with pytest.raises(InputError, match="utterance s-1: "):
        dump(data, tmp_path / "dump")


def test_tables_are_read_once_however_many_are_bad(data, tmp_path, monkeypatch):
    for number in range(6):
        (tmp_path / f"{number}.wav").write_bytes(b"RIFF")
    read, names = DataDir.read, []

    def counted(self, table, optional=False):
        names.append(table)
        return read(self, table, optional)

    monkeypatch.setattr(DataDir, "read", counted)
    dump(data, tmp_path / "dump", skip_bad="true")
    assert names.count("wav.scp") <= 3 and len(read_table(tmp_path / "dump/excluded.1")) == 6

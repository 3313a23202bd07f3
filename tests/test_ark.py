"""Archives: what is written is read, sorted, under its name only when complete."""

import os
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from c2ser.ark import ArkWriter, Whole, read_ark
from c2ser.datadir import read_table
from c2ser.errors import InputError


@pytest.mark.parametrize("folder", ["plain", "with blank", "愤怒,a:1"])
def test_what_is_written_is_read(tmp_path, folder):
    matrix, vector = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(4, dtype=np.float32)
    samples = np.array([-32768, 5, 32767], np.int16)
    with ArkWriter(tmp_path / folder / "a.ark", tmp_path / "scp" / "a.scp") as writer:
        writer["z"] = matrix
        writer["é"] = vector
        writer["B"] = 16000, samples
        writer["a"] = matrix.T  # not contiguous
    entries = read_table(tmp_path / "scp" / "a.scp")
    assert list(entries) == ["B", "a", "z", "é"]
    assert read_ark(entries["z"]).tolist() == matrix.tolist() and read_ark(entries["z"]).dtype == np.float32
    assert read_ark(entries["a"]).tolist() == matrix.T.tolist() and read_ark(entries["é"]).tolist() == vector.tolist()
    rate, read = read_ark(entries["B"])
    assert rate == 16000 and read.tolist() == samples.tolist()


def test_entries_are_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ArkWriter("dump/a.ark", "dump/a.scp") as writer:
        writer["a"] = np.ones(3, np.float32)
    (entry,) = read_table("dump/a.scp").values()
    assert entry.startswith(str(tmp_path / "dump/a.ark:"))


def test_nothing_appears_before_the_end_or_after_an_error(tmp_path):
    ark, scp = tmp_path / "a.ark", tmp_path / "a.scp"
    with ArkWriter(ark, scp) as writer:
        writer["a"] = np.ones(3, np.float32)
        assert not ark.exists() and not scp.exists()
    kept = ark.read_bytes(), scp.read_bytes()
    with pytest.raises(ZeroDivisionError):
        with ArkWriter(ark, scp) as writer:
            writer["b"] = np.zeros(3, np.float32)
            raise ZeroDivisionError
    assert (ark.read_bytes(), scp.read_bytes()) == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ark", "a.scp"]


def test_faults_name_the_entry(tmp_path):
    with pytest.raises(InputError, match="none.ark:7: no such file; rerun the stage"):
        read_ark(f"{tmp_path}/none.ark:7")
    with ArkWriter(tmp_path / "a.ark", tmp_path / "a.scp") as writer:
        writer["a"] = np.ones((100, 10), np.float32)
    (entry,) = read_table(tmp_path / "a.scp").values()
    (tmp_path / "a.ark").write_bytes((tmp_path / "a.ark").read_bytes()[:500])
    with pytest.raises(InputError, match="a.ark:2: cannot be read as a Kaldi archive"):
        read_ark(entry)


def test_a_full_disk(tmp_path):
    """Audio, too, ends in one error that names the ark, without what kaldiio has to say about it."""
    code = (
        "import numpy as np\nfrom c2ser.ark import ArkWriter\nfrom c2ser.bin.common import run\n"
        "def main():\n with ArkWriter('a.ark', 'a.scp') as writer:\n"
        "  writer._streams[0].close()\n  writer._streams = open('/dev/full', 'wb'), writer._streams[1]\n"
        "  writer['a'] = 16000, np.ones(100000, np.int16)\nrun(main)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment)
    words = f"error: {tmp_path}/a.ark: No space left on device; make room, then run the same command again\n"
    assert (done.returncode, done.stderr, os.listdir(tmp_path)) == (1, words, [])


def test_cut_sound_is_no_shorter_sound(tmp_path):
    with ArkWriter(tmp_path / "a.ark", tmp_path / "a.scp") as writer:
        writer["a"] = writer["b"] = 16000, np.arange(1000, dtype=np.int16)
    first, second = read_table(tmp_path / "a.scp").values()
    content = (tmp_path / "a.ark").read_bytes()
    for lost in (1, 2, 1999):
        (tmp_path / "a.ark").write_bytes(content[:-lost])
        assert len(read_ark(first)[1]) == 1000
        with pytest.raises(InputError, match="cannot be read as a Kaldi archive .it is cut"):
            read_ark(second)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, "compressed 2", "compressed 3", "compressed 7", "wav", "flac"])
def test_every_binary_form_is_read_as_kaldiio_reads_it(tmp_path, kind):
    samples = (np.sin(np.arange(400)) * 9000).astype(np.int16)
    matrix = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    options = {"compression_method": int(kind[-1])} if str(kind).startswith("compressed") else {}
    if kind in ("wav", "flac"):
        entry, options = (16000, samples), {"write_function": "soundfile", "write_kwargs": {"format": kind}}
    else:
        entry = np.arange(7, dtype=kind) if kind is np.int32 else matrix.astype(np.float64 if kind is np.float64 else np.float32)
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"a": entry, "b": entry}, scp=str(tmp_path / "a.scp"), **options)
    for line in (tmp_path / "a.scp").read_text().splitlines():
        place = line.split(" ", 1)[1]
        wanted, found = kaldiio.load_mat(place), read_ark(place)
        if isinstance(wanted, tuple):
            assert wanted[0] == found[0] == 16000
            wanted, found = wanted[1], found[1]
        assert found.dtype == wanted.dtype and np.array_equal(found, wanted) and found.size


def test_a_file_without_an_offset_is_one_entry(tmp_path):
    kaldiio.save_mat(str(tmp_path / "a.mat"), np.ones((2, 3), np.float32))
    assert read_ark(f"{tmp_path}/a.mat").tolist() == [[1.0] * 3] * 2


def test_no_more_is_asked_of_a_file_than_it_has(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    with Whole(tmp_path / "a", 4) as stream:
        assert (stream.read(2), stream.read(2**62), stream.read(2**62), stream.read()) == (b"45", b"6789", b"", b"")
    with Whole(tmp_path / "a", 8) as stream:
        assert (stream.read(-5), stream.read(None)) == (b"89", b"")
    with Whole(tmp_path / "a", 99) as stream:
        assert stream.read(5) == b""

"""Files that are whole or not there."""

import errno
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from c2ser.errors import InputError
from c2ser.ark import ArkWriter
from c2ser.datadir.replace import replace_tables
from c2ser.fileio import atomic_folder, atomic_write, beside, sha256, sweep
from tests.survival.disks import disk

KILLED = """
import os, sys
from c2ser.ark import ArkWriter
from c2ser.datadir import replace
from c2ser.fileio import atomic_folder, atomic_write
end = lambda *_: os.kill(os.getpid(), 9)
if sys.argv[1] == "file":
    with atomic_write("a") as stream:
        stream.write("half"), stream.flush(), end()
elif sys.argv[1] == "folder":
    with atomic_folder("a") as folder:
        (folder / "b").write_text("half"), end()
elif sys.argv[1] == "ark":
    with ArkWriter("a.ark", "a.scp"):
        end()
else:
    replace._move_in = end
    replace.replace_tables(".", {"text": {"a": "b"}})
"""

ROOT = Path(__file__).resolve().parents[1]


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new folder" / "a.txt"
    with atomic_write(path) as stream:
        stream.write("złość\n愤怒\n")
        stream.flush()
        assert not path.exists()
    assert path.read_bytes() == "złość\n愤怒\n".encode()
    assert os.listdir(path.parent) == ["a.txt"]


def test_an_earlier_file_is_kept_until_then_and_on_an_error(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error):
            with atomic_write(path) as stream:
                stream.write("half")
                assert path.read_text() == "old"
                raise error
        assert path.read_text() == "old" and os.listdir(tmp_path) == ["a"]
    with atomic_write(path) as stream:
        stream.write("new")
    assert path.read_text() == "new"


def test_bytes(tmp_path):
    with atomic_write(tmp_path / "a", "wb") as stream:
        stream.write(b"\r\n\x00")
    assert (tmp_path / "a").read_bytes() == b"\r\n\x00"


@pytest.mark.parametrize("what", ["file", "folder", "ark", "tables"])
def test_what_a_killed_process_leaves_goes_with_the_next_writing(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED, what], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert killed.returncode == -9 and len(os.listdir()) == (2 if what == "ark" else 1)
    running = beside("x")  # of a process that lives
    running.write_text("")
    elsewhere = [tmp_path / ".x.00000000-1.partial", tmp_path / ".y.00000000-2.partial"]
    for path in elsewhere:
        path.write_text("")
    os.utime(elsewhere[1], (time.time() - 90000,) * 2)
    sweep.cache_clear()
    writing = {
        "file": lambda: atomic_write("a"), "folder": lambda: atomic_folder("a"), "ark": lambda: ArkWriter("a.ark", "a.scp")
    }  # fmt: skip
    if what == "tables":
        replace_tables(".", {"text": {"a": "b"}})
    else:
        with writing[what]():
            pass
    made = {"ark": ["a.ark", "a.scp"], "tables": ["text"]}.get(what, ["a"])
    assert sorted(os.listdir()) == sorted([*made, running.name, elsewhere[0].name])


def test_a_folder_takes_the_place_of_another_when_it_is_complete(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/old").write_text("")
    with pytest.raises(OSError) as caught, atomic_folder(tmp_path / "a") as folder:
        (folder / "new").write_text("")
        raise OSError(28, "No space left on device", str(folder / "new"))
    assert caught.value.filename == str(tmp_path / "a") and os.listdir(tmp_path) == ["a"]
    assert os.listdir(tmp_path / "a") == ["old"]
    with atomic_folder(tmp_path / "a") as folder:
        (folder / "new").write_text("")
    assert os.listdir(tmp_path) == ["a"] and os.listdir(tmp_path / "a") == ["new"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB; only root can make one."""
    try:
        with disk(tmp_path / "disk", "2m") as folder:
            yield folder
    except OSError as error:
        pytest.skip(str(error))


def test_a_full_disk_in_a_librarys_words(small_disk):
    """safetensors has errors of its own. What fits is written; what else goes wrong keeps its error."""
    for megabytes, fits in ((1, True), (4, False)):
        try:
            with atomic_folder(small_disk / "a") as folder:
                save_file({"x": np.zeros(megabytes << 18, np.float32)}, folder / "x")
            assert fits
        except OSError as error:
            told = error.errno, error.filename
            assert not fits and told == (errno.ENOSPC, str(small_disk / "a")) and not isinstance(error.__cause__, OSError)
    assert os.listdir(small_disk) == ["a"] and os.path.getsize(small_disk / "a/x") > 1 << 20
    (small_disk / "a/x").unlink()
    with pytest.raises(ZeroDivisionError), atomic_folder(small_disk / "a"):
        1 / 0


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 10**6)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 10**6).hexdigest()
    with pytest.raises(InputError, match="none: no such file"):
        sha256(tmp_path / "none")

"""Files that are whole or not there."""

import hashlib
import os

import pytest

from c2ser.errors import InputError
from c2ser.fileio import atomic_write, sha256


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


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 10**6)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 10**6).hexdigest()
    with pytest.raises(InputError, match="none: no such file"):
        sha256(tmp_path / "none")

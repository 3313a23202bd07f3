"""Headers of files and containers."""

import pytest

from c2ser.corpora.headers import read_header
from c2ser.errors import InputError
from tests.media import encode, write_wav


def test_headers(tmp_path):
    assert read_header(str(write_wav(tmp_path / "a.wav", 0.25, 48000, 2))) == (12000, 48000, 2)
    pytest.importorskip("av", reason="PyAV is not installed")
    encode(tmp_path / "a.mp4", "5.1", 0.5)
    assert read_header(str(tmp_path / "a.mp4")) == (24000, 48000, 6)


def test_what_is_no_audio_is_refused(tmp_path):
    (tmp_path / "text.wav").write_text("no audio at all")
    (tmp_path / "empty.wav").touch()
    write_wav(tmp_path / "none.wav", 0)
    faults = {"text": "not audio", "empty": "not audio", "none": "no sound", "gone": "no such file"}
    for name, message in faults.items():
        with pytest.raises(InputError, match=rf"{name}.wav: .*{message}"):
            read_header(str(tmp_path / f"{name}.wav"))

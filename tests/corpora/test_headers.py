"""Headers of files and containers."""

import pytest

from c2ser.audio import read_audio
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


def test_what_is_less_than_a_sample_is_refused_as_everywhere(tmp_path):
    """Of 44.1 kHz, one sample is 0.36 at 16 kHz, two are 0.73: what is heard is one."""
    path = str(write_wav(tmp_path / "two.wav", 2 / 44100, 44100))
    assert read_header(path) == (2, 44100, 1) and len(read_audio(path)) == 1
    path = str(write_wav(tmp_path / "one.wav", 1 / 44100, 44100))
    for read in (read_header, read_audio):
        with pytest.raises(InputError, match="one.wav: shorter than one sample at 16000 Hz; remove it"):
            read(path)

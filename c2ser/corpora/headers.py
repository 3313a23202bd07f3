"""Lengths and channel counts of audio files, decoded only where their headers do not count the samples."""

from pathlib import Path

from c2ser.errors import InputError
from c2ser.soundfiles import measure


def read_header(path):
    """Number of samples per channel, rate in Hz and number of channels of an audio file or container.

    Raises InputError for a file that is missing, cannot be opened, is cut or holds no sound.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; fetch it again")
    frames, rate, channels = measure(path)
    if frames <= 0:
        raise InputError(f"{path}: holds no sound; fetch it again")
    return frames, rate, channels

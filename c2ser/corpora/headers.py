"""Lengths and channel counts of audio files, decoded only where their headers do not count the samples."""

from pathlib import Path

from c2ser.audio import SAMPLE_RATE, within_range
from c2ser.errors import InputError
from c2ser.soundfiles import measure


def read_header(path):
    """Number of samples per channel, rate in Hz and number of channels of an audio file or container.

    Raises InputError for a file that is missing, cannot be opened, is cut, holds no sound or less than one
    sample at 16 kHz, or floats that `c2ser.audio.within_range` refuses.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; fetch it again")
    frames, rate, channels = measure(path, within_range)
    if frames <= 0:
        raise InputError(f"{path}: holds no sound; fetch it again")
    if frames * SAMPLE_RATE < rate / 2:  # nothing is left of it, see c2ser.audio.prepare
        raise InputError(f"{path}: shorter than one sample at {SAMPLE_RATE} Hz; remove it")
    return frames, rate, channels

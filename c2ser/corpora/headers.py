"""Durations and channel counts from the headers of audio files, without decoding them."""

from pathlib import Path

import soundfile

from c2ser.audio import VIDEO_SUFFIXES
from c2ser.errors import InputError


def read_header(path):
    """Number of samples per channel, rate in Hz and number of channels of an audio file or container.

    Raises InputError for a file that is missing, cannot be opened or holds no sound.
    """
    if Path(path).suffix.lower() in VIDEO_SUFFIXES:
        from c2ser.video import container_info

        seconds, rate, channels = container_info(path)
        frames = round(seconds * rate)
    else:
        try:
            with soundfile.SoundFile(path) as sound:
                frames, rate, channels = sound.frames, sound.samplerate, sound.channels
        except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
            reason = "no such file" if not Path(path).exists() else f"not audio that can be read ({error})"
            raise InputError(f"{path}: {reason}; fetch it again") from None
    if frames <= 0:
        raise InputError(f"{path}: holds no sound; fetch it again")
    return frames, rate, channels

"""What the tests of the demo share: a recording that glides and swells."""

import numpy as np
import pytest
import soundfile

RATE = 16000


def voice(seconds=2.0, low=140.0, high=220.0):
    """A hum of twelve harmonics whose pitch rises from `low` to `high` Hz and whose level rises by 20 dB."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(low + (high - low) * time / seconds) / RATE
    level = 0.02 * 10 ** (time / seconds)
    return sum(np.sin(number * phase) / number for number in range(1, 13)) * level


@pytest.fixture(scope="session")
def wav(tmp_path_factory):
    """Path of such a recording."""
    path = tmp_path_factory.mktemp("recordings") / "hum.wav"
    soundfile.write(path, voice(), RATE)
    return path

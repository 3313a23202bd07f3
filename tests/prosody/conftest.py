"""Sounds and data directories for the prosody tests."""

import numpy as np
import pytest
import soundfile

from c2ser.datadir import DataDir
from c2ser.prosody import f0

RATE = 16000


def vowel(frequency, seconds, amplitude=0.15):
    """A steady harmonic sound, float32 at 16 kHz: what a voiced vowel is to a pitch detector."""
    times = np.arange(round(seconds * RATE)) / RATE
    partials = sum(np.sin(2 * np.pi * frequency * k * times) / k for k in range(1, 11))
    return (amplitude * partials).astype(np.float32)


def mean_f0(samples, *method):
    """Mean F0 in Hz over the voiced frames; NaN without any."""
    return f0.voiced_mean(*f0.f0_contour(samples, *method)[1:])


@pytest.fixture
def make_vowel():
    return vowel


@pytest.fixture
def data_dir(tmp_path):
    """Four utterances: a 220 Hz vowel, one at 110 Hz and half the amplitude, silence without words, a clip of 7 ms."""
    sounds = {
        "a-1": vowel(220, 1.0),
        "a-2": vowel(110, 2.0, amplitude=0.075),
        "b-1": np.zeros(RATE, dtype=np.float32),
        "b-2": vowel(220, 0.007),
    }
    data = DataDir(tmp_path / "data")
    for utterance, samples in sounds.items():
        soundfile.write(tmp_path / f"{utterance}.wav", samples, RATE, subtype="FLOAT")
    data.write("wav.scp", {utterance: tmp_path / f"{utterance}.wav" for utterance in sounds})
    data.write("utt2lang", {"a-1": "it", "a-2": "pl", "b-1": "it", "b-2": "zh"})
    data.write("text", {"a-1": "ciao", "a-2": "nie", "b-1": "", "b-2": "他"})
    data.write_speakers({utterance: utterance[0] for utterance in sounds})
    return data

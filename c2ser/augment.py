"""Augmentation of training waveforms: speed, noise, level, silenced spans, each drawn anew for every utterance.

Speed is changed by resampling, so pitch and formants move with it; keep its factors near 1 where labels must stay true.
"""

import math
from dataclasses import dataclass

import numpy as np
import soxr

from c2ser.audio import MIN_SAMPLES, SAMPLE_RATE
from c2ser.errors import InputError
from c2ser.options import build


@dataclass
class Augment:
    """What `--augment` takes; a key that is not given changes nothing. Raises InputError for values out of range."""

    speed: tuple = (1.0,)
    """Factors, one drawn for each utterance: 1.1 is a tenth faster and a tenth higher."""
    noise_db: tuple | None = None
    """Lowest and highest signal-to-noise ratio in dB of added noise, drawn evenly; white or pink, as likely."""
    noise_probability: float = 0.5
    """Chance that noise is added, where noise_db is given."""
    gain_db: float = 0.0
    """The level is changed by up to so many dB either way; nothing is clipped. Lost on a backbone that normalises."""
    mask_spans: int = 0
    """Spans set to zero in each utterance."""
    mask_seconds: float = 0.1
    """Longest such span; each takes a tenth of the utterance at most."""

    def __post_init__(self):
        _demand(all(0.5 <= factor <= 2 for factor in self.speed) and len(self.speed), "speed: factors from 0.5 to 2")
        _demand(self.noise_db is None or (len(self.noise_db) == 2 and -300 <= self.noise_db[0] <= self.noise_db[1] <= 300),
                "noise_db: [lowest, highest] in dB")  # fmt: skip
        _demand(0 <= self.noise_probability <= 1, "noise_probability: from 0 to 1")
        _demand(0 <= self.gain_db <= 300 and 0 <= self.mask_seconds < math.inf and type(self.mask_spans) is int
                and self.mask_spans >= 0, "gain_db (of dB), mask_spans (a whole number), mask_seconds: 0 or more")  # fmt: skip

    def __call__(self, samples, random):
        """Augment one utterance: float `(samples,)` at 16 kHz and a numpy Generator → float32 `(other samples,)`."""
        samples = change_speed(samples, self.speed[random.integers(len(self.speed))])
        if self.noise_db and random.random() < self.noise_probability:
            noise = white_noise if random.random() < 0.5 else pink_noise
            samples = add_noise(samples, noise(len(samples), random), random.uniform(*self.noise_db))
        samples = samples * 10 ** (random.uniform(-self.gain_db, self.gain_db) / 20)
        longest = min(int(self.mask_seconds * SAMPLE_RATE), len(samples) // 10)
        for _ in range(self.mask_spans):
            length = random.integers(longest + 1)
            start = random.integers(len(samples) - length + 1)
            samples[start : start + length] = 0.0
        return samples.astype(np.float32)


def build_augment(values):
    """A dict from a configuration file → Augment. Raises InputError for an unknown key or a bad value."""
    return build(Augment, values, "augment")


def change_speed(samples, factor):
    """Play `(samples,)` `factor` times as fast, by resampling; left as it is where it would be shorter than a frame."""
    if factor == 1.0 or len(samples) / factor < MIN_SAMPLES + 1:
        return samples
    return soxr.resample(np.asarray(samples, dtype=np.float32), factor, 1.0)


def white_noise(length, random):
    """`(length,)`, the same power at every frequency."""
    return random.standard_normal(length)


def pink_noise(length, random):
    """`(length,)`, power falling with 1 / frequency, as that of rooms and machines nearly does; no constant part."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0.0
    return np.fft.irfft(spectrum, length)


def add_noise(samples, noise, ratio):
    """Add noise `(samples,)` so that the signal's mean power is `ratio` dB above its own; silence is left silent.

    Powers are taken about the mean: an offset of the recording is no signal.
    """
    return samples + noise * np.sqrt(np.var(samples, dtype=np.float64) / 10 ** (ratio / 10) / max(np.var(noise), 1e-20))


def _demand(holds, wanted):
    if not holds:
        raise InputError(f"augment: {wanted} expected")

"""Fundamental frequency (F0): the pitch measure of the style labels.

The paper uses PENN. The default here is swift-f0, which ships its weights and is far faster on a CPU; PENN, pyworld and
Praat can be chosen. Those are optional extras, imported only when asked for.
"""

import functools
import importlib
import math
from pathlib import Path

import numpy as np

from c2ser.audio import SAMPLE_RATE
from c2ser.errors import InputError
from c2ser.prosody.level import SPEECH_DEPTH, energies_at, frame_energies, normalise

METHODS = ("swift", "pyworld", "praat", "penn")

F0_MIN, F0_MAX = 60.0, 800.0
"""Range searched by every method, in Hz: from low male voices to shrieks."""

MIN_SECONDS = 0.064
"""Shorter clips hold under four periods of the lowest F0; no method is asked, and nothing counts as voiced."""

HOP_SECONDS = 0.01
"""Frame shift of pyworld, Praat and PENN; swift-f0 has its own, 16 ms."""

PENN_VOICED = 0.1625
"""Periodicity from which PENN's authors call a frame voiced (FCNF0++, entropy-based periodicity)."""


def voiced_mean(f0, voiced):
    """Mean of a contour `(frames,)` in Hz over its voiced frames; NaN where none is voiced."""
    return float(f0[voiced].mean()) if voiced.any() else math.nan


def f0_contour(samples, method="swift", checkpoint=None):
    """F0 over time: (times in s, F0 in Hz, voiced), each `(frames,)`; float64, float64, bool.

    samples: float32 `(samples,)`, 16 kHz, about [-1, 1]; they are brought to one level first (`level.normalise`), for
    swift-f0 hears the less the softer a recording is. F0 is NaN at unvoiced frames, and frames `level.SPEECH_DEPTH` dB
    under the median of the voiced ones are none: music under a voice decides nothing. A clip under `MIN_SECONDS` has no
    frames. method: one of `METHODS`. checkpoint: PENN's weights file (fcnf0++.pt), which that method needs and the others
    refuse. Raises InputError for an unknown method, one whose package is not installed, and a checkpoint that is missing
    or out of place.
    """
    detect = _detector(method, None if checkpoint is None else str(checkpoint))
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if len(samples) < MIN_SECONDS * SAMPLE_RATE:
        return np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool)
    samples = normalise(samples)
    times, f0, voiced = detect(samples)
    if voiced.any():
        energies = energies_at(frame_energies(samples), times)
        voiced = voiced & (energies >= np.median(energies[voiced]) - SPEECH_DEPTH)
    return times, np.where(voiced, f0, np.nan), voiced


@functools.lru_cache(maxsize=None)
def _detector(method, checkpoint):
    """The function samples → (times, F0, voiced) of a method, built once a process."""
    if method == "penn":
        return _penn(checkpoint)
    builders = {"swift": _swift, "pyworld": _pyworld, "praat": _praat}
    if method not in builders:
        raise InputError(f"unknown F0 method {method!r}; known are {', '.join(METHODS)}")
    if checkpoint is not None:
        raise InputError(f"F0 method {method} takes no checkpoint; leave {checkpoint} out or choose penn")
    return builders[method]()


def _import(module, package, extra):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"this F0 method needs the package {package} ({error}): pip install {package} "
            f"(it is in the project's {extra}), or choose another method"
        ) from None


def _swift():
    # one thread that sleeps between calls: jobs run side by side, one a core
    detector = _import("swift_f0", "swift-f0", "requirements").SwiftF0(threads=1, spin=False)

    def detect(samples):
        result = detector.detect(samples, SAMPLE_RATE, F0_MIN, F0_MAX)
        return result.timestamps, result.pitch_hz, result.confidence >= 0.5

    return detect


def _pyworld():
    pyworld = _import("pyworld", "pyworld", "extra `f0`")

    def detect(samples):
        signal = samples.astype(np.float64)
        coarse, times = pyworld.dio(signal, SAMPLE_RATE, F0_MIN, F0_MAX, frame_period=1000 * HOP_SECONDS)
        f0 = pyworld.stonemask(signal, coarse, times, SAMPLE_RATE)
        return times, f0, f0 > 0

    return detect


def _praat():
    parselmouth = _import("parselmouth", "praat-parselmouth", "extra `gpl`")

    def detect(samples):
        sound = parselmouth.Sound(samples.astype(np.float64), SAMPLE_RATE)
        pitch = sound.to_pitch(HOP_SECONDS, F0_MIN, F0_MAX)
        f0 = pitch.selected_array["frequency"]
        return pitch.xs(), f0, f0 > 0

    return detect


def _penn(checkpoint):
    if checkpoint is None or not Path(checkpoint).is_file():
        raise InputError(
            f"F0 method penn: checkpoint {checkpoint}: no such file; give the path of PENN's fcnf0++.pt "
            "(from huggingface.co/maxrmorrison/fcnf0-plus-plus, or inside the wheel penn==0.0.4)"
        )
    penn, torch = _import("penn", "penn==0.0.14", "extra `f0`"), importlib.import_module("torch")

    def detect(samples):
        f0, periodicity = penn.from_audio(
            torch.from_numpy(samples)[None], SAMPLE_RATE, hopsize=HOP_SECONDS, fmin=F0_MIN, fmax=F0_MAX,
            checkpoint=checkpoint, batch_size=512, center="half-hop",
        )  # fmt: skip
        f0, periodicity = f0[0].double().numpy(), periodicity[0].numpy()
        return (np.arange(len(f0)) + 0.5) * HOP_SECONDS, f0, periodicity > PENN_VOICED

    return detect

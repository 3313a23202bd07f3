"""Statistics of pitch, loudness and timing over an utterance: a small feature vector with a name for every number.

The choice follows the prosodic part of eGeMAPS (Eyben et al., IEEE Transactions on Affective Computing 7, 2016): pitch
in semitones, percentiles, slopes, rates. It is the project's own, not a reimplementation, and holds no spectral
features.
"""

import math

import numpy as np

from c2ser.audio import SAMPLE_RATE
from c2ser.prosody.f0 import f0_contour
from c2ser.prosody.level import HOP, articulation_seconds, find_pauses, frame_energies
from c2ser.prosody.loudness import loudness
from c2ser.prosody.rate import speaking_rate

SEMITONE_ORIGIN = 27.5
"""Hz of 0 semitones: the A of the sub-contra octave, as in eGeMAPS."""

F0_NAMES = (
    "f0_mean", "f0_std", "f0_p5", "f0_p20", "f0_p50", "f0_p80", "f0_p95", "f0_range", "f0_slope", "f0_change",
    "f0_rising", "voiced_fraction", "voiced_segments_per_s", "voiced_segment_s",
)  # fmt: skip
ENERGY_NAMES = (
    "loudness", "energy_mean", "energy_std", "energy_p20", "energy_p50", "energy_p80", "energy_p95", "energy_range",
    "energy_slope", "energy_change", "energy_peaks_per_s", "pause_fraction",
)  # fmt: skip
TIME_NAMES = ("duration", "log_duration", "phonemes_per_s", "phonemes_per_s_spoken")
NAMES = F0_NAMES + ENERGY_NAMES + TIME_NAMES
"""What `functionals` measures, in order.

f0_*: semitones over `SEMITONE_ORIGIN`, over voiced frames: mean, standard deviation, percentiles, 80th minus 20th
percentile, slope of the straight line through them (semitones / s), mean absolute change between neighbouring voiced
frames (semitones / s), share of such changes that rise. voiced_*: share of voiced frames, runs of them a second, their
mean length (s). loudness: LUFS. energy_*: root mean square of frames in dB of full scale: the same statistics (slope
and change in dB / s), and local maxima a second, of 3 dB prominence after smoothing over 50 ms: a rough syllable rate
that needs no transcript. pause_fraction: share of frames that are pauses (`level.find_pauses`). duration: s, and its
natural logarithm. phonemes_per_s: from the transcript, over the whole utterance; phonemes_per_s_spoken: over its speech
alone (`level.articulation_seconds`).
"""


def functionals(samples, text="", language="en", f0_method="swift", f0_checkpoint=None, rate_method="rules"):
    """Measure one utterance.

    samples: float32 `(samples,)` at 16 kHz, not empty; text, language: its transcript and the ISO 639-1 code; methods:
    see `f0_contour` and `speaking_rate`, which say what is raised.
    Returns float32 `(len(NAMES),)`. NaN stands where there is nothing to measure: F0 without a voiced frame, slopes and
    changes over fewer than two frames, loudness of silence, the rate without a transcript.
    """
    seconds = len(samples) / SAMPLE_RATE
    times, f0, voiced = f0_contour(samples, f0_method, f0_checkpoint)
    spoken = articulation_seconds(samples, times, voiced)
    measured = {
        **_of_f0(times, f0, voiced),
        **_of_energy(frame_energies(samples)),
        "pause_fraction": float(find_pauses(samples, times, voiced).mean()),
        "loudness": loudness(samples, SAMPLE_RATE),
        "duration": seconds,
        "log_duration": math.log(seconds),
        "phonemes_per_s": speaking_rate(text, language, seconds, rate_method),
        "phonemes_per_s_spoken": speaking_rate(text, language, spoken, rate_method),
    }
    values = np.array([measured[name] for name in NAMES], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32)


def _of_f0(times, f0, voiced):
    """The `F0_NAMES` of a contour as `f0_contour` gives it."""
    hop = times[1] - times[0] if len(times) > 1 else math.nan
    starts = np.flatnonzero(np.diff(np.concatenate([[False], voiced]).astype(int)) == 1)
    segments, frames = len(starts), int(voiced.sum())
    tones = 12 * np.log2(f0[voiced] / SEMITONE_ORIGIN)
    change = np.diff(tones)[np.diff(np.flatnonzero(voiced)) == 1]  # only between frames that follow each other
    spread = _percentiles(tones, (5, 20, 50, 80, 95))
    return {
        "f0_mean": _mean(tones),
        "f0_std": tones.std() if frames else math.nan,
        **{f"f0_p{rank}": value for rank, value in spread.items()},
        "f0_range": spread[80] - spread[20],
        "f0_slope": _slope(times[voiced], tones),
        "f0_change": _mean(np.abs(change)) / hop,
        "f0_rising": _mean(change > 0),
        "voiced_fraction": frames / len(voiced) if len(voiced) else 0.0,
        "voiced_segments_per_s": segments / (hop * len(voiced)) if len(voiced) > 1 else math.nan,
        "voiced_segment_s": hop * frames / segments if segments else math.nan,
    }


def _of_energy(energy):
    """The `ENERGY_NAMES` but loudness and pauses of `(frames,)` dB values."""
    hop = HOP / SAMPLE_RATE
    spread = _percentiles(energy, (20, 50, 80, 95))
    return {
        "energy_mean": energy.mean(),
        "energy_std": energy.std(),
        **{f"energy_p{rank}": value for rank, value in spread.items()},
        "energy_range": spread[80] - spread[20],
        "energy_slope": _slope(hop * np.arange(len(energy)), energy),
        "energy_change": _mean(np.abs(np.diff(energy))) / hop,
        "energy_peaks_per_s": _peaks(energy) / (hop * len(energy)),
    }


def _peaks(energy, prominence=3.0):
    """Number of local maxima of `(frames,)` dB values, smoothed over 50 ms, that stand out by `prominence` dB."""
    from scipy.signal import find_peaks

    width = min(5, len(energy))
    smooth = np.convolve(energy, np.ones(width) / width, mode="valid")
    return len(find_peaks(smooth, prominence=prominence)[0])


def _mean(values):
    return float(np.mean(values)) if len(values) else math.nan


def _percentiles(values, ranks):
    if not len(values):
        return dict.fromkeys(ranks, math.nan)
    return dict(zip(ranks, np.percentile(values, ranks)))


def _slope(times, values):
    """Slope of the least-squares line; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan
    centred = times - times.mean()
    return float(centred @ (values - values.mean()) / (centred @ centred))

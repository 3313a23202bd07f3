"""How loud speech is from frame to frame: one level for every recording, and which frames are pauses.

What is measured of a recording must not depend on its gain, nor on music or other voices far under its speech.
"""

import numpy as np

from c2ser.audio import SAMPLE_RATE, is_silent

FRAME, HOP = round(0.025 * SAMPLE_RATE), round(0.010 * SAMPLE_RATE)
"""Samples of an energy frame (25 ms) and between the starts of two (10 ms)."""

ENERGY_FLOOR = -100.0
"""dB relative to full scale below which a frame's energy is not told apart: digital silence has no logarithm."""

SPEECH_LEVEL = -15.0
"""dB of full scale to which `normalise` brings the speech: about that of speech that peaks at full scale."""

SPEECH_DEPTH = 20.0
"""A frame this many dB under the median of the voiced ones counts as a pause, whatever sounds there."""

PAUSE_DEPTH = 25.0
"""Where nothing is voiced: dB under the 95th percentile of the frames."""

PAUSE_SECONDS = 0.2
"""Within an utterance, shorter pauses are the closures of stops and belong to the articulation."""


def normalise(samples):
    """The recording at one level: float32 `(samples,)`, half of whose energy lies in frames under `SPEECH_LEVEL`.

    Neither silence around the speech, which has no energy, nor a click, which is short, decides that level. samples: float
    `(samples,)` at 16 kHz. Silence (`c2ser.audio.is_silent`) and a clip without samples stay as they are.
    """
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if is_silent(samples):
        return samples
    powers = np.sort(_powers(samples))
    energy = np.cumsum(powers)
    power = powers[np.searchsorted(energy, energy[-1] / 2)]
    if power == 0:  # all there is stands behind the last whole frame
        return samples
    return (samples * np.sqrt(10 ** (SPEECH_LEVEL / 10) / power)).astype(np.float32)


def frame_energies(samples):
    """Root mean square of each frame in dB of full scale, float64 `(frames,)`, at least `ENERGY_FLOOR`.

    Frames lie wholly inside the signal; one shorter than a frame is one frame of its own length.
    """
    return 10 * np.log10(np.maximum(_powers(samples), 10 ** (ENERGY_FLOOR / 10)))


def energies_at(energies, times):
    """The energies `(frames,)` of the frames whose middles are nearest to `times` `(points,)`, in s."""
    nearest = np.rint((np.asarray(times) * SAMPLE_RATE - FRAME / 2) / HOP).astype(int)
    return energies[np.clip(nearest, 0, len(energies) - 1)]


def find_pauses(samples, times, voiced):
    """Which frames are pauses: bool `(frames,)` for those of `frame_energies`.

    samples: float `(samples,)` at 16 kHz, not empty; times, voiced: of `f0_contour`. See `SPEECH_DEPTH`, and
    `PAUSE_DEPTH` for what has no voice, such as a whisper.
    """
    energies = frame_energies(normalise(samples))
    if np.any(voiced):
        return energies < np.median(energies_at(energies, times)[voiced]) - SPEECH_DEPTH
    return energies < np.percentile(energies, 95) - PAUSE_DEPTH


def articulation_seconds(samples, times, voiced):
    """The first of `phrasing`: seconds of speech alone."""
    return phrasing(samples, times, voiced)[0]


def phrasing(samples, times, voiced):
    """Seconds of speech, and seconds of its pauses of `PAUSE_SECONDS` or more; what surrounds the speech is neither.

    Arguments as for `find_pauses`. Right to a frame at each pause; the speech lasts a frame at least.
    """
    pauses = find_pauses(samples, times, voiced)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], pauses, [False]]).astype(int)))
    around = within = 0
    for start, end in zip(edges[::2], edges[1::2]):
        if start == 0 or end == len(pauses):
            around += end - start
        elif (end - start) * HOP >= PAUSE_SECONDS * SAMPLE_RATE:
            within += end - start
    spoken = max(len(samples) - (around + within) * HOP, min(HOP, len(samples)))
    return spoken / SAMPLE_RATE, within * HOP / SAMPLE_RATE


def _powers(samples):
    """Mean square of each frame, float64 `(frames,)`; an offset of the recording is no sound."""
    samples = np.asarray(samples, dtype=np.float64)
    samples = samples - samples.mean()
    if len(samples) >= FRAME:
        samples = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    return np.square(np.atleast_2d(samples)).mean(axis=1)

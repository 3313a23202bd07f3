"""Integrated loudness (ITU-R BS.1770, by pyloudnorm): the volume measure of the style labels."""

import functools

import numpy as np

BLOCK_SECONDS = 0.4
"""Length of the standard's gating block; successive blocks start a quarter of it apart."""


def loudness(samples, sample_rate=16000):
    """Integrated loudness of a mono signal in LUFS.

    samples: float `(samples,)` in about [-1, 1] at `sample_rate` Hz. A clip shorter than the standard's 0.4 s block is
    measured in one block of its own length; padding it with zeros instead would make it seem quieter. Silence, anything
    below the standard's absolute gate (-70 LUFS) and an empty clip give `-inf`, which a table holds as `-inf`, sorts
    below every loudness and is left out of the style statistics.
    """
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) == 0:
        return -np.inf
    block = round(BLOCK_SECONDS * sample_rate)
    if len(samples) < block:
        return _short_loudness(samples, sample_rate)
    # The standard leaves out an incomplete last block; pyloudnorm would fill it with zeros.
    step = block // 4
    whole = block + (len(samples) - block) // step * step
    samples = samples - samples.mean()  # the standard's filter takes an offset away, but sounds where it sets in
    return float(_meter(sample_rate).integrated_loudness(samples[:whole]))


def loudness_contour(samples, sample_rate=16000):
    """Loudness over time: (times in s, loudness in LUFS), each `(blocks,)`, float64.

    samples: as for `loudness`. A value is that of one block of 0.4 s, and its time the block's middle (the standard's
    momentary loudness, but measured block by block); blocks start 0.1 s apart, and a clip that is shorter than one is
    one block. Silent blocks are `-inf`.
    """
    block = min(round(BLOCK_SECONDS * sample_rate), len(samples))
    starts = range(0, len(samples) - block + 1, round(BLOCK_SECONDS * sample_rate) // 4) if block else ()
    times = np.array([(start + block / 2) / sample_rate for start in starts], dtype=np.float64)
    return times, np.array([loudness(samples[start : start + block], sample_rate) for start in starts], dtype=np.float64)


@functools.lru_cache(maxsize=None)
def _meter(sample_rate):
    from pyloudnorm import Meter

    return Meter(sample_rate, block_size=BLOCK_SECONDS)


def _short_loudness(samples, sample_rate):
    from pyloudnorm import Meter

    block_seconds = len(samples) / sample_rate
    if block_seconds * sample_rate > len(samples):  # rounding must not make the block longer than the clip
        block_seconds = float(np.nextafter(block_seconds, 0.0))
    return float(Meter(sample_rate, block_size=block_seconds).integrated_loudness(samples))

"""Every functional on sounds and contours of which it is known."""

import math

import numpy as np
import pytest

from c2ser.prosody import functionals as module
from c2ser.prosody.functionals import ENERGY_NAMES, F0_NAMES, NAMES, functionals
from c2ser.prosody.level import find_pauses, frame_energies

RATE = 16000


def measure(samples, **more):
    return dict(zip(NAMES, functionals(samples, **more).tolist()))


def semitones(hertz):
    return 12 * math.log2(hertz / 27.5)


def contour(hertz, hop=0.01):
    """The F0 functionals of a contour given in Hz, None where unvoiced."""
    voiced = np.array([value is not None for value in hertz])
    values = np.array([math.nan if value is None else value for value in hertz])
    return module._of_f0(hop * np.arange(len(hertz)), values, voiced)


def test_names_are_what_is_measured(make_vowel):
    assert len(set(NAMES)) == len(NAMES) == 30
    assert set(contour([100, 110])) == set(F0_NAMES)
    assert {"loudness", "pause_fraction", *module._of_energy(np.zeros(4))} == set(ENERGY_NAMES)
    vector = functionals(make_vowel(220, 0.5), "ciao", "it")
    assert vector.dtype == np.float32 and vector.shape == (30,)


def test_a_steady_vowel(make_vowel):
    found = measure(make_vowel(220, 1.0), text="ciao", language="it")
    assert found["f0_mean"] == pytest.approx(semitones(220), abs=0.2) and found["f0_std"] < 0.3
    assert found["f0_p50"] == pytest.approx(36, abs=0.2) and abs(found["f0_slope"]) < 1
    assert found["voiced_fraction"] > 0.9 and found["voiced_segments_per_s"] == pytest.approx(1, abs=0.2)
    assert found["duration"] == 1 and found["log_duration"] == 0 and found["phonemes_per_s"] == pytest.approx(3)
    assert found["energy_std"] < 0.5 and found["pause_fraction"] == 0 and found["energy_peaks_per_s"] == 0


def test_louder_by_six_decibels(make_vowel):
    soft, loud = (measure(make_vowel(220, 1.0, amplitude)) for amplitude in (0.05, 0.1))
    for name in ("loudness", "energy_mean", "energy_p20", "energy_p95"):
        assert loud[name] - soft[name] == pytest.approx(20 * math.log10(2), abs=0.05)
    assert loud["energy_range"] == pytest.approx(soft["energy_range"], abs=0.05)


def test_contour_statistics_by_hand():
    octaves = [55 * 2**power for power in (0, 1, 2)]  # 12, 24, 36 semitones
    found = contour([None, *octaves, None, None, 110, 55, None, None])
    tones = [12, 24, 36, 24, 12]
    assert found["f0_mean"] == pytest.approx(np.mean(tones)) and found["f0_std"] == pytest.approx(np.std(tones))
    assert found["f0_range"] == pytest.approx(np.percentile(tones, 80) - np.percentile(tones, 20))
    assert found["f0_change"] == pytest.approx(12 / 0.01)  # 24 | 24 → the jump over the gap does not count
    assert found["f0_rising"] == pytest.approx(2 / 3)
    assert found["voiced_fraction"] == 0.5
    assert found["voiced_segments_per_s"] == pytest.approx(2 / 0.1)
    assert found["voiced_segment_s"] == pytest.approx(0.025)


def test_slope_is_in_semitones_a_second():
    times = 0.01 * np.arange(100)
    assert contour(list(110 * 2 ** (6 * times / 12)))["f0_slope"] == pytest.approx(6)
    falling = contour([value if i % 3 else None for i, value in enumerate(110 * 2 ** (-4 * times / 12))])
    assert falling["f0_slope"] == pytest.approx(-4) and falling["f0_rising"] == 0
    assert module._of_energy(-30 * times)["energy_slope"] == pytest.approx(-30)


def test_nothing_voiced():
    found = contour([None] * 5)
    assert found["voiced_fraction"] == found["voiced_segments_per_s"] == 0
    unknown = [name for name, value in found.items() if math.isnan(value)]
    assert set(unknown) == set(F0_NAMES) - {"voiced_fraction", "voiced_segments_per_s"}


def test_frame_energies_by_hand():
    samples = np.concatenate([np.tile([0.1, -0.1], 200), np.zeros(400)])
    energies = frame_energies(samples)
    assert len(energies) == 1 + (800 - 400) // 160
    assert energies == pytest.approx([-20, 10 * math.log10(0.01 * 240 / 400), 10 * math.log10(0.01 * 80 / 400)])
    assert frame_energies(np.zeros(1000)).tolist() == [-100] * 4
    assert frame_energies(np.tile([1.0, -1.0], 5)) == pytest.approx([0.0])
    assert frame_energies(np.full(10, 1.0)).tolist() == [-100]


def test_syllables_of_noise_are_counted_and_pauses_too():
    """Four bursts a second, each a raised cosine, with silence between."""
    times = np.arange(2 * RATE) / RATE
    envelope = np.maximum(0, np.sin(2 * np.pi * 4 * times)) ** 2
    samples = (0.3 * envelope * np.random.default_rng(0).normal(size=len(times))).astype(np.float32)
    found = module._of_energy(frame_energies(samples))
    assert found["energy_peaks_per_s"] == pytest.approx(4, abs=0.6)
    assert 0.35 < find_pauses(samples, np.zeros(0), np.zeros(0, dtype=bool)).mean() < 0.65


def test_silence_and_clips_of_a_few_milliseconds(make_vowel):
    silent = measure(np.zeros(RATE, np.float32))
    assert math.isnan(silent["loudness"]) and math.isnan(silent["phonemes_per_s"]) and silent["energy_mean"] == -100
    short = measure(make_vowel(220, 0.007))
    assert short["duration"] == pytest.approx(0.007) and math.isnan(short["energy_slope"])
    assert math.isfinite(short["energy_mean"]) and short["voiced_fraction"] == 0


def test_an_offset_of_the_recording_is_no_energy():
    """Half a second of tone and half a second of silence: the pause is half, with an offset as without."""
    tone = np.where(np.arange(16000) < 8000, 0.1 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000), 0.0)
    plain, moved = frame_energies(tone), frame_energies(tone + 0.01)
    np.testing.assert_allclose(plain, moved, atol=1e-6)
    assert np.mean(moved < moved.max() - 25) == pytest.approx(0.49, abs=0.02)

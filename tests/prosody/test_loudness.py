"""Loudness against the standard's reference tone, of short clips, and of silence."""

import math
import warnings

import numpy as np
import pytest

from c2ser.prosody.loudness import loudness, loudness_contour


def tone(seconds, amplitude=1.0, rate=16000, frequency=1000.0):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [16000, 48000])
def test_full_scale_sine_of_1_khz(rate):
    """BS.1770: a full-scale sine near 1 kHz on one channel measures -3.01 LUFS."""
    assert loudness(tone(5, rate=rate), rate) == pytest.approx(-3.01, abs=0.1)


def test_half_the_amplitude_is_six_decibels_less():
    assert loudness(tone(2)) - loudness(tone(2, amplitude=0.5)) == pytest.approx(20 * math.log10(2), abs=1e-6)


def test_low_frequencies_weigh_less():
    assert loudness(tone(2, frequency=60)) < loudness(tone(2)) - 3


def test_float32_and_float64_agree():
    assert loudness(tone(1).astype(np.float32)) == pytest.approx(loudness(tone(1)), abs=1e-4)


@pytest.mark.parametrize("seconds", [0.007, 0.05, 0.1, 0.2, 0.3, 0.399, 0.4, 0.43, 0.46, 0.499])
def test_short_clips_measure_as_the_long_one(seconds):
    assert loudness(tone(seconds)) == pytest.approx(loudness(tone(10)), abs=0.5)


@pytest.mark.parametrize("seconds", [0.43, 0.46, 0.499, 0.57])
def test_an_incomplete_last_block_is_not_filled_with_silence(seconds):
    assert loudness(tone(seconds)) == pytest.approx(loudness(tone(10)), abs=0.01)


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.3, 0.45])
def test_short_vowels_measure_as_the_long_one(make_vowel, seconds):
    assert loudness(make_vowel(150, seconds)) == pytest.approx(loudness(make_vowel(150, 5.0)), abs=0.5)


def test_every_short_length_is_measured():
    sound = tone(0.5)
    assert all(math.isfinite(loudness(sound[5 : 5 + samples])) for samples in range(1, 6500, 11))
    for samples in (2007, 2011, 4021):  # lengths whose duration in seconds is rounded up
        assert loudness(sound[:samples]) == pytest.approx(-3.08, abs=0.05)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(112), np.zeros(16000), tone(2, amplitude=1e-5)])
def test_silence_is_minus_infinity_which_a_table_can_hold(samples):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = loudness(samples)
    assert value == float(f"{value:.2f}") == -math.inf


def test_pauses_are_gated_out(make_vowel):
    speech = make_vowel(150, 2.0)
    paused = np.concatenate([speech, np.zeros(32000), speech])
    assert loudness(paused) == pytest.approx(loudness(speech), abs=0.5)


def test_the_samples_are_left_as_they_were():
    samples = tone(1)
    before = samples.copy()
    loudness(samples)
    assert (samples == before).all()


def test_contour_follows_the_level():
    """One second quiet, one loud: blocks that lie in either measure as a long tone of that level does."""
    times, values = loudness_contour(np.concatenate([tone(1, amplitude=0.1), tone(1, amplitude=0.5)]))
    assert len(times) == len(values) == 17 and times[0] == pytest.approx(0.2) and times[-1] == pytest.approx(1.8)
    assert np.diff(times) == pytest.approx(np.full(16, 0.1))
    assert values[times < 0.75] == pytest.approx(np.full(6, loudness(tone(2, amplitude=0.1))), abs=0.1)
    assert values[times > 1.25] == pytest.approx(np.full(6, loudness(tone(2, amplitude=0.5))), abs=0.1)
    assert (np.diff(values)[(times[1:] > 0.85) & (times[1:] < 1.25)] > 0.5).all()


def test_contour_of_short_clips_and_silence():
    times, values = loudness_contour(tone(0.1))
    assert times.tolist() == [0.05] and values.tolist() == [loudness(tone(0.1))]
    assert loudness_contour(np.zeros(8000))[1].tolist() == [-np.inf, -np.inf]
    assert [len(part) for part in loudness_contour(np.zeros(0))] == [0, 0]


@pytest.mark.parametrize("offset", [0.01, 0.1, -0.5])
def test_an_offset_of_the_recording_is_not_loud(offset):
    """A soft tone with pauses is as loud with an offset as without; an offset alone is silence."""
    time = np.arange(48000) / 16000
    tone = 0.001 * np.sin(2 * np.pi * 300 * time) * (np.sin(2 * np.pi * time) > 0)
    assert loudness(tone + offset) == pytest.approx(loudness(tone), abs=0.01)
    assert loudness(np.full(16000, offset)) == -np.inf
    np.testing.assert_array_equal(loudness_contour(np.full(16000, offset))[1], -np.inf)

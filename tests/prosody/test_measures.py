"""What is measured for the style: by hand on made contours, and the same whatever does not belong to the voice."""

import numpy as np
import pytest

from c2ser.given import read_speech
from c2ser.prosody import measures
from c2ser.prosody.measures import intonation, measure
from c2ser.prosody.style import MEASURES, UNCERTAIN, parse_style, value_of

RATE = 16000
TEXT = "domani mattina"


def sung(*parts, rate=RATE, partials=range(1, 13)):
    """A voice: parts of (seconds, Hz at the start, Hz at the end), silent where a frequency is 0; float64, peak 0.5."""
    frequencies = [np.geomspace(a, b, round(s * rate)) if a else np.zeros(round(s * rate)) for s, a, b in parts]
    track = np.concatenate(frequencies)
    phase = 2 * np.pi * np.cumsum(track) / rate
    sound = (track > 0) * sum(np.sin(k * phase) / k * (k * track < 0.45 * rate) for k in partials)
    return 0.5 * sound / np.abs(sound).max()


SAID = ((0.6, 150, 150), (0.4, 0, 0), (0.6, 150, 200), (0.4, 200, 200))
"""Speech of 1.6 s and a pause of 0.4 s, that rises from 150 to 200 Hz: 4.98 semitones."""
FROM_PITCH = ("utt2f0", "utt2range", "utt2intonation", "utt2articulation", "utt2pauses")


def close(first, second, names=FROM_PITCH):
    """Whether two measurements are of one voice: 3 % of a number, as 1.6 s of speech have edges of a frame (25 ms); the
    same words."""
    for name in names:
        if name == "utt2intonation":
            assert first[name] == second[name]
        else:
            assert float(first[name]) == pytest.approx(float(second[name]), rel=0.03, abs=0.02), name


@pytest.fixture(scope="module")
def said():
    return measure(sung(*SAID).astype(np.float32), TEXT, "it")


def test_by_hand(said):
    assert 150 < float(said["utt2f0"]) < 190
    assert float(said["utt2range"]) == pytest.approx(12 * np.log2(200 / 150), abs=0.3)
    assert said["utt2intonation"] == "rising"
    assert float(said["utt2pauses"]) == pytest.approx(0.4 / 2.0, abs=0.02)
    assert float(said["utt2rate"]) == pytest.approx(12 / 2.0, abs=0.01)  # d o m a n i m a tt i n a
    assert float(said["utt2articulation"]) == pytest.approx(12 / 1.6, rel=0.03)
    assert said["utt2reliable"] == " ".join(MEASURES)


def test_the_range_of_an_even_glide_is_nine_tenths_of_it():
    """An octave, gone through at one speed: from its 5th to its 95th percentile 10.8 semitones."""
    found = measure(sung((2.0, 120, 240)).astype(np.float32))
    assert float(found["utt2range"]) == pytest.approx(10.8, abs=0.25)


@pytest.mark.parametrize(
    "contour, wanted",
    [
        ([0, 1, 2, 3, 4, 5], "rising"), ([5, 4, 3, 2, 1, 0], "falling"), ([0, 0, 5, 5, 0, 0], "both"),
        ([5, 5, 0, 0, 5, 5], "both"), ([0, 0.5, 1, 1, 1.5, 1.9], "level"), ([0, 0, 12, 0, 0, 0, 0, 0, 0], "level"),
        ([0, 0, 2, 2, 2, 2], "rising"), ([0, 0, 1.9, 1.9, 1.9, 1.9], "level"),
    ],
)  # fmt: skip
def test_intonation_by_hand(contour, wanted):
    """Medians of thirds, 2 semitones apart; one frame an octave off is none."""
    assert intonation(np.array(contour, dtype=float)) == wanted


@pytest.mark.parametrize(
    "parts, wanted",
    [
        (((1.0, 120, 200),), "rising"), (((1.0, 200, 120),), "falling"), (((1.0, 150, 152),), "level"),
        (((0.5, 120, 200), (0.5, 200, 120)), "both"), (((0.12, 120, 200), (1.0, 0, 0)), UNCERTAIN),
    ],
)  # fmt: skip
def test_made_melodies(parts, wanted):
    found = measure(sung(*parts).astype(np.float32))
    assert found["utt2intonation"] == wanted
    assert ("intonation" in found["utt2reliable"].split()) == (wanted != UNCERTAIN)


def test_padding_changes_nothing_but_the_rate_of_the_whole(said):
    silence = np.zeros(RATE)
    padded = measure(np.concatenate([silence, sung(*SAID), silence]).astype(np.float32), TEXT, "it")
    close(padded, said)
    assert float(padded["utt2rate"]) == pytest.approx(3.0)
    assert float(padded["utt2loudness"]) == pytest.approx(float(said["utt2loudness"]), abs=0.5)  # gated


def test_gain_moves_the_loudness_alone(said):
    for decibels in (-20, -40, -60):
        found = measure((sung(*SAID) * 10 ** (decibels / 20)).astype(np.float32), TEXT, "it")
        close(found, said)
        if decibels > -50:  # the standard's absolute gate is at −70 LUFS
            assert float(found["utt2loudness"]) == pytest.approx(float(said["utt2loudness"]) + decibels, abs=0.02)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_sampling_rate(said, rate):
    samples = {"array": sung(*SAID, rate=rate).astype(np.float32), "sampling_rate": rate}
    close(measure(read_speech(samples), TEXT, "it"), said)


def test_stereo_is_mono(said):
    two = {"array": np.stack([sung(*SAID)] * 2).astype(np.float32), "sampling_rate": RATE}
    assert measure(read_speech(two, channel="mean"), TEXT, "it") == said


@pytest.mark.parametrize("tilt", [-0.9, 0.9])
def test_spectral_tilt(said, tilt):
    """About ± 6 dB an octave, by a filter of one coefficient."""
    from scipy.signal import lfilter

    tilted = lfilter([1, tilt], [1], sung(*SAID)) if tilt < 0 else lfilter([1 - tilt], [1, -tilt], sung(*SAID))
    close(measure((0.5 * tilted / np.abs(tilted).max()).astype(np.float32), TEXT, "it"), said)


def test_a_missing_fundamental(said):
    close(measure(sung(*SAID, partials=range(2, 13)).astype(np.float32), TEXT, "it"), said)


def test_silence_gives_no_guess():
    found = measure(np.zeros(2 * RATE, np.float32), TEXT, "it")
    assert found["utt2reliable"] == "none" and found["utt2intonation"] == UNCERTAIN
    assert [found[name] for name in ("utt2f0", "utt2range", "utt2pauses", "utt2loudness")] == ["nan", "nan", "nan", "-inf"]


def test_few_phonemes_and_a_short_clip_are_not_reliable():
    found = measure(sung((0.3, 150, 150)).astype(np.float32), "sì", "it")
    assert found["utt2reliable"].split() == ["pitch", "range", "intonation"]


def test_one_contour_serves_all_measures(monkeypatch):
    calls, contour = [], measures.f0_contour
    monkeypatch.setattr(measures, "f0_contour", lambda *given: calls.append(1) or contour(*given))
    measure(sung(*SAID).astype(np.float32), TEXT, "it")
    assert calls == [1]


def test_what_is_not_trusted_has_no_value():
    assert value_of("range", "3.5", "pitch range") == 3.5 and value_of("intonation", "rising", "intonation") == "rising"
    assert np.isnan(value_of("range", "3.5", "pitch")) and value_of("intonation", "rising", "none") == UNCERTAIN
    with pytest.raises(ValueError):
        value_of("intonation", "high", "intonation")


def test_any_measures_make_a_style():
    assert parse_style("speed=low intonation=both") == {"speed": "low", "intonation": "both"}

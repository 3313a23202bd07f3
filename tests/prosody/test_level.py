"""One level for every recording: what is measured does not depend on gain, nor on what sounds far under the speech."""

import math
from pathlib import Path

import numpy as np
import pytest

from c2ser.audio import read_audio
from c2ser.prosody import f0, level
from c2ser.prosody.functionals import NAMES, functionals
from tests.prosody.conftest import mean_f0

RATE = 16000
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "corpora"
GAINS = (0, -20, -40, -50, -60)


def gained(samples, decibels):
    return (samples * 10 ** (decibels / 20)).astype(np.float32)


def voice(seconds=1.5):
    """A gliding voice with a soft second half, and room noise 45 dB under it: a made signal, float32, peak 1."""
    times = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 60 * times / seconds) / RATE
    loud = np.where(times < seconds / 2, 1.0, 0.15) * np.abs(np.sin(2 * np.pi * 2 * times)) ** 0.5
    sound = loud * sum(np.sin(k * phase) / k for k in range(1, 13))
    sound = sound + 0.005 * np.random.default_rng(0).normal(size=len(times))
    return (sound / np.abs(sound).max()).astype(np.float32)


def share(samples, **more):
    return f0.f0_contour(samples, **more)[2].mean()


def test_a_made_voice_is_as_voiced_at_every_gain():
    pytest.importorskip("swift_f0")
    shares = [share(gained(voice(), gain)) for gain in GAINS]
    assert 0.5 < shares[0] and max(shares) - min(shares) <= 0.01 * shares[0], shares
    means = [mean_f0(gained(voice(), gain)) for gain in GAINS]
    assert max(means) - min(means) <= 0.01 * means[0]


@pytest.mark.parametrize(("corpus", "pattern"), [("EMOVO", "f1/neu-*.wav"), ("casia", "**/*.wav")])
def test_real_speech_is_as_voiced_at_every_gain(corpus, pattern):
    pytest.importorskip("swift_f0")
    paths = sorted((SHARED / corpus).glob(pattern))[:2]
    if not paths:
        pytest.skip(f"{SHARED / corpus}: the corpus is not here")
    for path in paths:
        samples = np.asarray(read_audio(str(path)), dtype=np.float32)
        samples /= np.abs(samples).max()
        shares = [share(gained(samples, gain)) for gain in GAINS]
        assert shares[0] > 0.2 and max(shares) - min(shares) <= 0.01 * shares[0], (path, shares)


def test_swift_f0_hears_as_much_voice_as_praat():
    """Within a tenth, in a recording as soft as −50 dB; by itself it heard a third less there."""
    pytest.importorskip("swift_f0")
    pytest.importorskip("parselmouth", reason="praat-parselmouth is an optional extra")
    soft = gained(voice(), -50)
    assert share(soft) == pytest.approx(share(soft, method="praat"), rel=0.1)


def test_silence_is_not_raised():
    noise = (2.0**-15 * np.sign(np.random.default_rng(0).normal(size=RATE))).astype(np.float32)
    for quiet in (np.zeros(RATE, np.float32), noise, np.zeros(0, np.float32)):
        np.testing.assert_array_equal(level.normalise(quiet), quiet)


@pytest.mark.parametrize("amplitude", [1.0, 0.05, 1e-4])
def test_the_level_by_hand(amplitude):
    """A square wave has its amplitude as root mean square: −15 dB is 0.17783. Neither a click in 2 s of
    it nor a minute of silence behind it moves anything."""
    square = (amplitude * np.sign(np.sin(2 * np.pi * 200 * (np.arange(2 * RATE) + 0.5) / RATE))).astype(np.float32)
    assert np.abs(level.normalise(square)) == pytest.approx(0.17783, rel=1e-4)
    assert level.normalise(square).dtype == np.float32
    padded = np.concatenate([square, np.zeros(60 * RATE, np.float32)])
    assert np.abs(level.normalise(padded)).max() == pytest.approx(0.17783, rel=1e-4)
    clicked = square.copy()
    clicked[5000] = 30 * amplitude
    assert np.median(np.abs(level.normalise(clicked))) == pytest.approx(0.17783, rel=0.001)


def test_music_under_a_voice_is_a_pause(make_vowel):
    """A second of voice at 150 Hz, then a second of a tone at 500 Hz, 26 dB under it: the tone decides nothing."""
    pytest.importorskip("swift_f0")
    quiet, near = 10 ** (-26 / 20), 10 ** (-14 / 20)
    samples = np.concatenate([make_vowel(150, 1.2), quiet * make_vowel(500, 0.8)]).astype(np.float32)
    assert mean_f0(samples) == pytest.approx(150, rel=0.02)
    times, _, voiced = f0.f0_contour(samples)
    assert not voiced[times > 1.25].any() and voiced[times < 1.15].mean() > 0.9
    assert level.find_pauses(samples, times, voiced).mean() == pytest.approx(0.8 / 2.0, abs=0.02)
    assert level.articulation_seconds(samples, times, voiced) == pytest.approx(1.2, abs=0.03)
    answer = np.concatenate([make_vowel(150, 1.2), near * make_vowel(500, 0.8)]).astype(np.float32)
    assert mean_f0(answer) > 200  # 14 dB under it is a soft voice


def blocks(*parts):
    """Square waves: (amplitude, seconds) each; every frame of one has its amplitude as root mean square."""
    wave = np.concatenate([np.full(round(seconds * RATE), amplitude) for amplitude, seconds in parts])
    return (wave * (-1) ** np.arange(len(wave))).astype(np.float32)


@pytest.mark.parametrize(
    ("parts", "spoken"),
    [
        (((0.0, 0.5), (0.5, 1.0), (0.0, 0.3)), 1.0),  # padding
        (((0.0, 0.1), (0.5, 1.0), (0.0, 0.06)), 1.0),  # however short
        (((0.5, 0.6), (0.0, 0.1), (0.5, 0.4)), 1.1),  # the closure of a stop
        (((0.5, 0.6), (0.0, 0.4), (0.5, 0.4)), 1.0),  # a pause
        (((0.5, 0.6), (0.04, 0.4), (0.5, 0.4)), 1.0),  # 21.9 dB under the voice
        (((0.5, 0.6), (0.06, 0.4), (0.5, 0.4)), 1.4),  # 18.4 dB
    ],
)
@pytest.mark.parametrize("gain", [0, -50])
def test_articulation_by_hand(parts, spoken, gain):
    samples = gained(blocks(*parts), gain)
    times = np.arange(0.0125, len(samples) / RATE - 0.0125, 0.01)
    starts = np.cumsum([0, *(seconds for _, seconds in parts)])
    voiced = np.zeros(len(times), dtype=bool)
    for (amplitude, _), start, end in zip(parts, starts, starts[1:]):
        voiced |= (amplitude == 0.5) & (times > start) & (times < end)
    assert level.articulation_seconds(samples, times, voiced) == pytest.approx(spoken, abs=0.041)


def test_without_a_voice_the_loud_frames_decide():
    """25 dB under them: amplitudes 0.5 and 0.02 are 28.0 dB apart, 0.5 and 0.04 21.9 dB."""
    none = np.zeros(0), np.zeros(0, dtype=bool)
    assert level.find_pauses(blocks((0.5, 1.0), (0.02, 1.0)), *none).mean() == pytest.approx(0.5, abs=0.02)
    assert level.find_pauses(blocks((0.5, 1.0), (0.04, 1.0)), *none).mean() == 0
    assert level.articulation_seconds(np.zeros(100, np.float32), *none) == pytest.approx(100 / RATE)


def test_both_rates_stand_beside_each_other(make_vowel):
    pytest.importorskip("swift_f0")
    silence = np.zeros(RATE, dtype=np.float32)
    samples = np.concatenate([silence, make_vowel(200, 1.0), silence])
    found = dict(zip(NAMES, functionals(samples, "ciao", "it").tolist()))  # three phonemes
    assert found["phonemes_per_s"] == pytest.approx(3 / 3) and found["phonemes_per_s_spoken"] == pytest.approx(3, rel=0.05)
    assert math.isnan(dict(zip(NAMES, functionals(samples).tolist()))["phonemes_per_s_spoken"])


def test_an_offset_alone_is_silence_and_stays():
    """Nothing of it is speech, so no gain is right; one step of 16 bits about it is none either."""
    for given in (np.full(16000, 0.1), np.resize([0.1, 0.1 + 2.0**-15], 16000)):
        given = given.astype(np.float32)
        np.testing.assert_array_equal(level.normalise(given), given)

"""F0 of sounds whose pitch is known, by every method that is installed, and what has none."""

import math
import sys
import types

import numpy as np
import pytest

from c2ser.errors import InputError
from c2ser.prosody import f0
from tests.prosody.conftest import mean_f0

MODULES = {"swift": "swift_f0", "pyworld": "pyworld", "praat": "parselmouth"}


@pytest.fixture(params=MODULES)
def method(request):
    pytest.importorskip(MODULES[request.param], reason=f"{request.param} is an optional extra")
    return request.param


@pytest.fixture(autouse=True)
def fresh_detectors():
    yield
    f0._detector.cache_clear()


@pytest.mark.parametrize("frequency", [110.0, 220.0, 440.0])
def test_mean_of_a_steady_vowel_is_its_frequency(method, make_vowel, frequency):
    assert mean_f0(make_vowel(frequency, 1.0), method) == pytest.approx(frequency, rel=0.01)


def test_mean_is_over_voiced_frames_only(method, make_vowel):
    silence = np.zeros(16000, dtype=np.float32)
    samples = np.concatenate([silence, make_vowel(220, 1.0), silence])
    assert mean_f0(samples, method) == pytest.approx(220, rel=0.02)


def test_contour_follows_a_step(method, make_vowel):
    samples = np.concatenate([make_vowel(150, 1.0), make_vowel(300, 1.0)])
    times, contour, voiced = f0.f0_contour(samples, method)
    assert len(times) == len(contour) == len(voiced) and voiced.dtype == bool
    assert np.median(contour[voiced & (times < 0.9)]) == pytest.approx(150, rel=0.01)
    assert np.median(contour[voiced & (times > 1.1)]) == pytest.approx(300, rel=0.01)
    assert np.isnan(contour[~voiced]).all() and np.isfinite(contour[voiced]).all()


@pytest.mark.parametrize("seconds", [0, 1 / 16000, 0.007, 0.03, 0.063])
def test_clips_too_short_for_a_pitch_have_none(method, make_vowel, seconds):
    assert math.isnan(mean_f0(make_vowel(220, seconds), method))
    assert [len(part) for part in f0.f0_contour(make_vowel(220, seconds), method)] == [0, 0, 0]


def test_every_length_from_the_limit_on_is_measured_without_a_crash(method, make_vowel):
    sound = make_vowel(220, 0.2)
    means = [mean_f0(sound[:samples], method) for samples in range(1024, 3200, 61)]
    assert all(math.isnan(mean) or mean == pytest.approx(220, rel=0.03) for mean in means)


def test_the_default_method_hears_a_short_vowel(make_vowel):
    assert mean_f0(make_vowel(220, 0.1)) == pytest.approx(220, rel=0.02)


def test_silence_has_no_pitch(method):
    assert math.isnan(mean_f0(np.zeros(16000, dtype=np.float32), method))


def test_whisper_has_no_pitch():
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    assert math.isnan(mean_f0(noise))


def test_detectors_are_built_once(make_vowel):
    for _ in range(3):
        mean_f0(make_vowel(220, 0.2))
    assert f0._detector.cache_info().misses == 1


def test_unknown_method():
    with pytest.raises(InputError, match="unknown F0 method 'yin'"):
        mean_f0(np.zeros(16000), "yin")


@pytest.mark.parametrize(
    "method, module, package", [("pyworld", "pyworld", "pyworld"), ("praat", "parselmouth", "praat-parselmouth")]
)
def test_absent_package_is_named(monkeypatch, method, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=f"pip install {package}"):
        mean_f0(np.zeros(16000), method)


def test_checkpoint_belongs_to_penn_alone(tmp_path):
    with pytest.raises(InputError, match="fcnf0"):
        mean_f0(np.zeros(16000), "penn")
    with pytest.raises(InputError, match="no-such.pt: no such file"):
        mean_f0(np.zeros(16000), "penn", tmp_path / "no-such.pt")
    with pytest.raises(InputError, match="takes no checkpoint"):
        mean_f0(np.zeros(16000), "swift", tmp_path / "no-such.pt")


def test_penn_frames_are_cut_at_its_voicing_threshold(monkeypatch, tmp_path):
    torch = pytest.importorskip("torch")
    calls = []

    def from_audio(audio, sample_rate, **options):
        calls.append((tuple(audio.shape), sample_rate, options["checkpoint"]))
        return torch.tensor([[100.0, 200.0, 400.0]]), torch.tensor([[0.17, 0.16, 0.9]])

    monkeypatch.setitem(sys.modules, "penn", types.SimpleNamespace(from_audio=from_audio))
    checkpoint = tmp_path / "fcnf0++.pt"
    checkpoint.touch()
    assert mean_f0(np.zeros(1600, dtype=np.float32), "penn", checkpoint) == pytest.approx(250)
    assert calls == [((1, 1600), 16000, str(checkpoint))]

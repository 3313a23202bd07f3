"""Levels of added noise, measured by hand: an offset of the recording is no part of the signal."""

import numpy as np
import pytest

from c2ser.augment import add_noise, build_augment
from c2ser.errors import InputError


@pytest.mark.parametrize("signal_offset, noise_offset", [(0.0, 0.0), (0.3, 0.0), (0.0, 0.5), (-0.2, 0.5)])
@pytest.mark.parametrize("ratio", [0.0, 10.0, 25.0])
def test_noise_has_the_wanted_level_whatever_the_offsets(signal_offset, noise_offset, ratio):
    time = np.arange(16000) / 16000
    signal = 0.1 * np.sin(2 * np.pi * 200 * time)  # 200 whole periods: power 0.005
    noise = np.random.default_rng(0).standard_normal(16000)
    added = add_noise(signal + signal_offset, noise + noise_offset, ratio) - (signal + signal_offset)
    assert 10 * np.log10(0.005 / np.mean((added - added.mean()) ** 2)) == pytest.approx(ratio, abs=1e-6)


def test_silence_stays_silent():
    assert not add_noise(np.zeros(100), np.ones(100), 10.0).any()
    np.testing.assert_allclose(add_noise(np.full(100, 0.25), np.random.default_rng(0).standard_normal(100), 10.0), 0.25)


@pytest.mark.parametrize(
    "values, words",
    [
        ({"mask_spans": 1.5}, "mask_spans .a whole number"), ({"gain_db": float("inf")}, "gain_db"), ({"speed": 1.1}, "wrong kind"),
        ({"mask_seconds": float("inf")}, "mask_seconds"), ({"noise_db": {"a": 1, "b": 2}}, "wrong kind"),
        ({"noise_db": [0, float("inf")]}, "noise_db"), ({"pitch": 1}, "unknown pitch"),
    ],
)  # fmt: skip
def test_what_would_fail_in_the_middle_of_training_is_refused(values, words):
    with pytest.raises(InputError, match=f"^augment: .*{words}"):
        build_augment(values)

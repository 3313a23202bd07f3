"""The correction of posteriors by hand, and the file that holds one."""

import json

import numpy as np
import pytest

from c2ser.errors import InputError
from c2ser.inference.calibration import Calibration, Correction, Prior, log_posteriors


def test_without_numbers_it_is_the_softmax():
    scores = np.array([[-1.0, -2.0, -4.0]])
    wanted = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(Correction()(scores), wanted, atol=1e-12)
    np.testing.assert_allclose(Correction()(scores - 1000), wanted, atol=1e-12)


def test_the_formula():
    p, prior = np.array([[0.7, 0.2, 0.1]]), np.array([0.6, 0.3, 0.1])
    raw = p**0.5 / prior**1.5
    made = Correction(2.0, "train", 1.5, tuple(prior))(np.log(p))
    np.testing.assert_allclose(made, raw / raw.sum(), atol=1e-12)
    assert made.argmax() == 2  # the rare class wins, which it did not before
    np.testing.assert_allclose(Correction(1.0, "train", 1.0, tuple(prior))(np.log(prior)[None]), 1 / 3, atol=1e-12)


def test_dividing_by_the_prior_is_bayes_for_even_classes():
    """Likelihoods 0.02, 0.05, 0.01: posteriors under a prior of .8 .1 .1 become those under a prior of a third each."""
    likelihood, prior = [0.02, 0.05, 0.01], [0.8, 0.1, 0.1]
    joint = [one * share for one, share in zip(likelihood, prior)]  # 0.016 0.005 0.001, so 16/22 5/22 1/22
    made = Correction(1.0, "train", 1.0, tuple(prior))(np.log([[one / sum(joint) for one in joint]]))
    np.testing.assert_allclose(made, [[2 / 8, 5 / 8, 1 / 8]], atol=1e-12)


def test_posteriors_that_became_zero_have_logarithms():
    made = log_posteriors([[1.0, 0.0]])
    assert np.isfinite(made).all() and made[0, 0] > made[0, 1]


def test_what_is_written_is_read(tmp_path):
    made = Calibration(("angry", "sad"), "explicit", 1.5, {"dev": Prior((0.25, 0.75), 0.3)})
    made.write(tmp_path / "c.json", utterances=7)
    assert Calibration.read(tmp_path / "c.json") == made
    assert json.loads((tmp_path / "c.json").read_text())["utterances"] == 7
    assert made.correction() == Correction(1.5)
    assert made.correction("dev") == Correction(1.5, "dev", 0.3, (0.25, 0.75))
    assert made.correction("dev", 2.0).strength == 2.0


BROKEN = ("", "[]", "{}", '{"labels": ["a"], "mode": "explicit", "temperature": 0, "priors": {}}')


@pytest.mark.parametrize("text", BROKEN)
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match="c.json: .*rerun `c2ser calibrate`"):
        Calibration.read(tmp_path / "c.json")
    with pytest.raises(InputError, match="none.json: no such file"):
        Calibration.read(tmp_path / "none.json")

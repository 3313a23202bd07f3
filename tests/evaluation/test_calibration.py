"""Temperature and strength: hand-made cases, and data whose right answer is known from how they were made."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax as scipy_log_softmax

from c2ser.evaluation.calibration import fit_strength, fit_temperature, quality
from c2ser.inference.calibration import Correction, Prior, log_softmax


def softened(temperature, count=20000, classes=4, seed=0):
    """Log-posteriors that are `temperature` times too sharp for the classes drawn from them, and the classes."""
    random = np.random.default_rng(seed)
    true = log_softmax(random.normal(0, 1.5, (count, classes)))
    truth = (random.random((count, 1)) > np.exp(true).cumsum(axis=1)).sum(axis=1)
    return log_softmax(true * temperature), truth


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_is_found(temperature):
    logs, truth = softened(temperature)
    found = fit_temperature(logs, truth)
    assert found == pytest.approx(temperature, rel=0.05)
    before, after = quality(np.exp(logs), truth), quality(Correction(found)(logs), truth)
    assert after["ua"] == before["ua"] and after["ece"] < 0.02 and after["nll"] <= before["nll"]
    for other in (found * 0.9, found * 1.1):
        assert quality(Correction(other)(logs), truth)["nll"] > after["nll"]


def test_temperature_is_what_another_minimiser_finds():
    """scipy's, of the negative log-likelihood by scipy's softmax."""
    logs, truth = softened(1.7, count=300)
    rows = np.arange(len(truth))
    wanted = minimize_scalar(
        lambda log: -scipy_log_softmax(logs / np.exp(log), axis=1)[rows, truth].mean(), bounds=(-3, 3), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    assert fit_temperature(logs, truth) == pytest.approx(np.exp(wanted.x), rel=1e-4)


def test_temperature_stays_in_its_range():
    logs = np.log([[0.8, 0.2], [0.3, 0.7]])
    assert fit_temperature(logs, np.array([0, 1])) == pytest.approx(0.05)
    assert fit_temperature(logs, np.array([1, 0])) == pytest.approx(20.0)


def test_strength_is_what_serves_recall():
    """The posterior leans to class 0 by its prior: divided out, both rare cases are found."""
    prior = (0.9, 0.1)
    p = np.array([[0.9, 0.1], [0.85, 0.15], [0.96, 0.04], [0.6, 0.4], [0.7, 0.3]])
    truth = np.array([0, 0, 0, 1, 1])
    found = fit_strength(np.log(p), truth, 1.0, "train", prior)
    # 0.7 / 0.9^s < 0.3 / 0.1^s from s = 0.386 on, and 0.85 / 0.9^s > 0.15 / 0.1^s up to s = 0.789
    assert found == Prior(prior, 0.4)
    assert fit_strength(np.log(p), np.zeros(5, int), 1.0, "train", prior).strength == 0.0


def test_quality_by_hand():
    p = np.array([[0.8, 0.2], [0.65, 0.35], [0.3, 0.7], [0.55, 0.45]])
    made = quality(p, np.array([0, 1, 1, 0]))
    assert made["wa"] == 0.75 and made["ua"] == pytest.approx((1.0 + 0.5) / 2)
    assert made["nll"] == pytest.approx(-np.log([0.8, 0.35, 0.7, 0.55]).mean())
    assert made["ece"] == pytest.approx((0.2 + 0.65 + 0.3 + 0.45) / 4)

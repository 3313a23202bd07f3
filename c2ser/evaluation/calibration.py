"""Finding the numbers of `c2ser.inference.calibration` on a development set, never on a test set. Float64 arrays."""

import numpy as np

from c2ser.evaluation import metrics
from c2ser.inference.calibration import TINY, Correction, Prior, log_softmax

STRENGTHS = tuple(step / 10 for step in range(21))
"""Among which the strength of a prior is chosen: 0, 0.1 … 2."""

TEMPERATURES = (0.05, 20.0)
"""The range of T: where every utterance of the development set is right, ever lower ones would fit ever better."""


def negative_log_likelihood(posteriors, truth):
    """Mean −log posterior of the true class. posteriors: `(utterances, classes)`; truth: int `(utterances,)`."""
    return float(-np.log(np.maximum(posteriors[np.arange(len(truth)), truth], TINY)).mean())


def fit_temperature(logs, truth):
    """The T with the least negative log-likelihood, within `TEMPERATURES`.

    logs: log-posteriors `(utterances, classes)`; truth: int `(utterances,)`. The loss is convex in 1 / T, so its
    slope, E_q[log p] − log p(truth) on average, is brought to 0 by bisection.
    """
    logs, truth = np.asarray(logs, dtype=np.float64), np.asarray(truth)
    wanted = logs[np.arange(len(truth)), truth]

    def slope(sharpness):
        return ((np.exp(log_softmax(sharpness * logs)) * logs).sum(axis=1) - wanted).mean()

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return 2 / (low + high)


def fit_strength(logs, truth, temperature, name, probabilities):
    """The `Prior` whose strength, of `STRENGTHS`, has the highest UA on the development set; the least among equals."""
    corrections = {strength: Correction(temperature, name, strength, probabilities) for strength in STRENGTHS}
    scores = {strength: recall_of(correction(logs), truth) for strength, correction in corrections.items()}
    return Prior(tuple(float(value) for value in probabilities), max(scores, key=scores.get))


def recall_of(posteriors, truth):
    """UA of the classes that posteriors favour, over the classes present in `truth`."""
    classes = list(range(posteriors.shape[1]))
    return float(metrics.ua(metrics.confusion(list(map(int, truth)), posteriors.argmax(axis=1).tolist(), classes)))


def quality(posteriors, truth):
    """UA, WA, negative log-likelihood and ECE of posteriors `(utterances, classes)`, as a dict of floats."""
    correct = posteriors.argmax(axis=1) == truth
    return {
        "ua": recall_of(posteriors, truth), "wa": float(correct.mean()),
        "nll": negative_log_likelihood(posteriors, truth), "ece": metrics.ece(posteriors.max(axis=1), correct),
    }  # fmt: skip

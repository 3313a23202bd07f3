"""Multinomial logistic regression on standardised features."""

from dataclasses import dataclass

import numpy as np

from c2ser.probe.weights import sample_weights

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse regularisation strengths C tried; the first of equals wins, that is, the strongest regularisation."""

_TOLERANCE = 1e-5  # scikit-learn's own 1e-4 stops warm starts before they have moved


@dataclass(frozen=True)
class Linear:
    """A fitted classifier: `classes` in order, `weight` `(classes, width)` and `bias` `(classes,)`."""

    classes: list
    weight: np.ndarray
    bias: np.ndarray

    def posteriors(self, features):
        """Standardised features `(utterances, width)` → probabilities `(utterances, classes)`, float64."""
        scores = features @ self.weight.T.astype(features.dtype) + self.bias
        scores = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def logistic_path(features, labels, strengths=STRENGTHS, class_weight="balanced", seed=0):
    """Fit one regression for each strength, each starting from the one before: weak penalties are reached sooner.

    features: standardised float `(utterances, width)`; labels: class names, at least two different; strengths: rising;
    class_weight: see `sample_weights`. Yields (strength, `Linear`). The same path gives the same numbers.
    """
    from sklearn.linear_model import LogisticRegression

    weights = sample_weights(labels, class_weight)
    model = LogisticRegression(max_iter=2000, tol=_TOLERANCE, warm_start=True, random_state=seed)
    for strength in strengths:
        model.set_params(C=strength).fit(features, labels, sample_weight=weights)
        yield strength, _linear(model)


def fit_logistic(features, labels, strength, class_weight="balanced", seed=0):
    """The regression of one strength, reached by the path up to it, so that it equals the one the search saw."""
    path = [value for value in STRENGTHS if value < strength] + [strength]
    *_, (_, fitted) = logistic_path(features, labels, path, class_weight, seed)
    return fitted


def _linear(model):
    weight, bias = model.coef_.copy(), model.intercept_.copy()
    if len(weight) == 1:  # scikit-learn gives two classes one logit
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return Linear([str(label) for label in model.classes_], weight, bias)

"""Logistic regression: against scikit-learn's own, along the path of strengths, and with rare classes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from c2ser.probe.features import Standardiser
from c2ser.probe.linear import STRENGTHS, fit_logistic, logistic_path
from c2ser.probe.weights import sample_weights, unweighted_recall


def scaled(points):
    return Standardiser.fit(points).apply(points)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_path_ends_where_cold_starts_end(clouds, classes):
    points, labels = clouds(90)
    kept = [i for i, label in enumerate(labels) if classes == 3 or label != "sad"]
    features, labels = scaled(points)[kept], [labels[i] for i in kept]
    for strength, model in logistic_path(features, labels):
        cold = LogisticRegression(C=strength, class_weight="balanced", max_iter=5000, tol=1e-7).fit(
            features.astype(np.float64), labels
        )
        assert model.classes == list(cold.classes_)
        np.testing.assert_allclose(model.posteriors(features), cold.predict_proba(features), atol=2e-3)


def test_fitting_one_strength_repeats_the_path(clouds):
    points, labels = clouds(60)
    features = scaled(points)
    path = dict(logistic_path(features, labels))
    for strength in STRENGTHS:
        np.testing.assert_array_equal(fit_logistic(features, labels, strength).weight, path[strength].weight)
    assert np.abs(path[1.0].weight).sum() > 2 * np.abs(path[1e-4].weight).sum()


def test_separable_classes_are_told_apart(clouds):
    (train, labels), (test, wanted) = clouds(60, 0, 0.3), clouds(90, 2, 0.3)
    scaling = Standardiser.fit(train)
    posteriors = fit_logistic(scaling.apply(train), labels, 0.1).posteriors(scaling.apply(test))
    np.testing.assert_allclose(posteriors.sum(1), 1.0)
    assert np.mean([sorted(set(labels))[row.argmax()] == label for row, label in zip(posteriors, wanted)]) > 0.97


def test_rare_classes_count_as_much():
    """Overlapping classes, one of them rare: without weights nothing would be called sad."""
    random = np.random.default_rng(0)
    train = np.concatenate([random.normal(0, 1, (190, 1)), random.normal(1, 1, (10, 1))])
    labels, points = ["neutral"] * 190 + ["sad"] * 10, np.array([[0.9], [2.0], [-1.0]])
    balanced, plain = (fit_logistic(train, labels, 1.0, weighting) for weighting in ("balanced", "none"))
    assert balanced.posteriors(points).argmax(1).tolist() == [1, 1, 0]
    assert plain.posteriors(points).argmax(1).tolist() == [0, 0, 0]


def test_weights_and_recall_by_hand():
    assert sample_weights(["a", "a", "a", "b"]).tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert sample_weights(["a", "b"], "none").tolist() == [1, 1]
    # an answer outside the reference's classes is wrong and adds no class
    assert unweighted_recall(["a", "a", "a", "b"], ["a", "c", "a", "b"]) == pytest.approx((2 / 3 + 1) / 2)

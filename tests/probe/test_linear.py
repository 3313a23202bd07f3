"""The linear probe: what it learns, and what chooses its regularisation."""

import numpy as np
import pytest

from c2ser.ark import ArkWriter
from c2ser.datadir import read_table
from c2ser.errors import InputError
from c2ser.probe.linear import STRENGTHS, fit_probe, stack


def clouds(count, seed=0, spread=1.0):
    """Three classes around three centres, on axes of very different scale."""
    random, labels = np.random.default_rng(seed), ["angry", "happy", "sad"] * (count // 3)
    centres = {"angry": [0, 0, 0, 0], "happy": [3, 0, 1, 0], "sad": [0, 3, 0, 1]}
    points = np.array([centres[label] for label in labels]) + random.normal(0, spread, (len(labels), 4))
    return points * [1, 1000, 0.001, 1] + [0, 50000, 0, 1], labels


def test_separable_classes_are_told_apart():
    (train, labels), (dev, dev_labels), (test, wanted) = clouds(60, 0, 0.3), clouds(30, 1, 0.3), clouds(90, 2, 0.3)
    classifier, strength = fit_probe(train, labels, dev, dev_labels)
    assert strength in STRENGTHS
    assert (classifier.predict(test) == wanted).mean() > 0.97
    assert list(classifier.classes_) == ["angry", "happy", "sad"]
    np.testing.assert_allclose(classifier.predict_proba(test).sum(1), 1.0)


def test_scale_of_the_features_does_not_matter():
    (train, labels), (test, _) = clouds(60), clouds(30, 1)
    first = fit_probe(train, labels, test, labels[:30])[0].predict_proba(test)
    factor, shift = np.array([10.0, 1e-3, 5.0, 100.0]), np.array([3.0, -2.0, 0.0, 9.0])
    second = fit_probe(train * factor + shift, labels, test * factor + shift, labels[:30])[0]
    np.testing.assert_allclose(second.predict_proba(test * factor + shift), first, atol=1e-4)


def test_development_data_choose_the_strength():
    """Features of which one is noise that separates the training set by chance: strong regularisation is better."""
    random = np.random.default_rng(0)
    labels = ["angry", "sad"] * 10
    signal = np.array([[1.0, -1.0][label == "sad"] for label in labels])[:, None]
    train = np.hstack([signal + random.normal(0, 1.0, (20, 1)), random.normal(0, 1, (20, 60))])
    dev = np.hstack([np.tile(signal, (10, 1)), random.normal(0, 1, (200, 60))])
    _, chosen = fit_probe(train, labels, dev, labels * 10)
    _, without = fit_probe(train, labels, [], [])
    recalls = {}
    for strength in STRENGTHS:
        alone = fit_with(strength, train, labels)
        recalls[strength] = np.mean([(alone.predict(dev[i::2]) == labels[i]).mean() for i in (0, 1)])
    assert recalls[chosen] == max(recalls.values()) and len(set(recalls.values())) > 1
    assert chosen == min(strength for strength in STRENGTHS if recalls[strength] == recalls[chosen])
    assert (fit_with(without, train, labels).predict(train) == labels).mean() == 1.0


def fit_with(strength, train, labels):
    from unittest import mock

    with mock.patch("c2ser.probe.linear.STRENGTHS", (strength,)):
        return fit_probe(train, labels, [], [])[0]


def test_rare_classes_count_as_much():
    """Overlapping classes, one of them rare: without weights nothing would be called sad."""
    random = np.random.default_rng(0)
    train = np.concatenate([random.normal(0, 1, (190, 1)), random.normal(1, 1, (10, 1))])
    classifier, _ = fit_probe(train, ["neutral"] * 190 + ["sad"] * 10, [], [])
    assert classifier.predict([[0.9], [2.0], [-1.0]]).tolist() == ["sad", "sad", "neutral"]


def test_one_class_is_too_few():
    with pytest.raises(InputError, match=r"two classes to train on; there is only \['sad'\]"):
        fit_probe(np.zeros((3, 2)), ["sad"] * 3, [], [])


def test_stack(tmp_path):
    with ArkWriter(tmp_path / "a.ark", tmp_path / "a.scp") as writer:
        writer["a"], writer["b"] = np.array([1, 2], np.float32), np.array([3, 4], np.float32)
    made = stack(read_table(tmp_path / "a.scp"), ["b", "a", "b"], "a.scp")
    assert made.tolist() == [[3, 4], [1, 2], [3, 4]] and made.dtype == np.float64
    with pytest.raises(InputError, match=r"a.scp: no features for 2 utterances \(c, d\); rerun stage 6"):
        stack(read_table(tmp_path / "a.scp"), ["a", "c", "d"], "a.scp")

"""The probe as a whole: layers, joined tables, mixtures, and curves that choose nothing."""

import numpy as np
import pytest

from c2ser.errors import InputError
from c2ser.probe import choose
from c2ser.probe.choose import answer, make_design
from c2ser.probe.fit import fit_probe, recall_by_layer
from c2ser.probe.weights import unweighted_recall
from tests.closeness import FORMULA, assert_rounds_alike


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Few epochs of small heads: what is learnt is not at stake here."""
    monkeypatch.setattr(choose, "EPOCHS", 15)
    monkeypatch.setattr(choose, "HIDDEN", (16,))
    monkeypatch.setattr(choose, "RATES", (3e-2,))


def design_of(labels, train_size=60):
    return make_design("dev", labels, ["s"] * len(labels), train_size)


@pytest.mark.parametrize("classifier", ["logistic", "mlp"])
def test_the_best_layer_is_found_and_used(layers, classifier):
    values, labels = layers(90)
    test, wanted = layers(60, seed=1)
    probe = fit_probe([values], labels, design_of(labels), classifier)
    assert probe.layers == [1] and probe.chosen["classifier"] == classifier
    assert unweighted_recall(wanted, answer(probe.classes, probe.posteriors([test]))) > 0.85
    other = test.copy()
    other[:, [0, 2]] = 0  # the other layers are not looked at
    assert_rounds_alike(probe.posteriors([test]), probe.posteriors([other]))


def test_layers_by_number_and_from_the_end(layers):
    values, labels = layers(90)
    design = design_of(labels)
    assert fit_probe([values], labels, design, layer="last").layers == [2]
    chosen = fit_probe([values], labels, design, layer=0)
    assert chosen.layers == [0] and len(chosen.curves[0]) == 3
    with pytest.raises(InputError, match="--layer 3: the features have 3 layers"):
        fit_probe([values], labels, design, layer=3)


def test_two_tables_tell_what_neither_does_alone():
    random = np.random.default_rng(0)
    labels = [("angry", "sad", "happy")[i % 3] for i in range(120)]
    first, second = (random.normal(0, 0.2, (120, 2, 1)) for _ in range(2))
    first[:, 1, 0] += [label == "angry" for label in labels]
    second[:, 0, 0] += [label == "sad" for label in labels]
    probe = fit_probe([first, second], labels, design_of(labels, 90))
    assert probe.layers == [1, 0] and probe.chosen["ua"] > 0.9
    assert max(one["ua"] for curve in probe.curves for one in curve) < 0.8


def test_both_takes_the_better_and_lists_all(layers):
    values, labels = layers(90)
    probe = fit_probe([values], labels, design_of(labels), "both")
    assert [one["classifier"] for one in probe.candidates] == ["logistic"] * 5 + ["mlp"]
    assert probe.chosen == max(probe.candidates, key=lambda one: one["ua"])


def test_a_mixture_uses_every_layer(layers):
    values, labels = layers(90)
    probe = fit_probe([values], labels, design_of(labels), "mlp", mix=True)
    assert probe.layers == [None] and len(probe.model.mixtures()[0]) == 3
    changed = values.copy()
    changed[:, 0] += 5
    assert not np.allclose(probe.posteriors([values]), probe.posteriors([changed]))
    for options in ({"classifier": "logistic"}, {"classifier": "mlp", "layer": 1}):
        with pytest.raises(InputError, match="--mix true needs --classifier mlp and no --layer"):
            fit_probe([values], labels, design_of(labels), mix=True, **options)


def test_labels_and_scale_of_what_is_not_fitted_on_do_not_matter(layers):
    """Dev chooses, but is neither fitted on nor standardised with."""
    values, labels = layers(90)
    changed = values.copy()
    changed[60:] = changed[60:] * 3 + 1
    one, other = (fit_probe([v], labels, design_of(labels), layer=1) for v in (values, changed))
    strengths = [probe.chosen["strength"] for probe in (one, other)]
    if strengths[0] == strengths[1]:
        np.testing.assert_allclose(one.model.weight, other.model.weight, rtol=1e-4, atol=1e-6)  # after many steps
    assert_rounds_alike(one.scalings[0].mean, other.scalings[0].mean)
    assert_rounds_alike(one.scalings[0].mean[0], values[:60, 1].mean(0), FORMULA, scale=float(np.abs(values).max()))


def test_recall_by_layer_is_that_of_the_probe_on_that_layer(layers):
    values, labels = layers(90)
    test, wanted = layers(60, seed=1, signal=(0.0, 2.0, 1.0))
    design = design_of(labels)
    probe = fit_probe([values], labels, design)
    recalls = recall_by_layer(values, test, labels, wanted, design, probe.curves[0])
    assert len(recalls) == 3 and recalls[1] == max(recalls) > recalls[0]
    for layer, recall in enumerate(recalls):
        alone = fit_probe([values], labels, design, layer=layer)
        assert recall == unweighted_recall(wanted, answer(alone.classes, alone.posteriors([test])))


def test_unknown_classifiers_are_refused(layers):
    values, labels = layers(30)
    with pytest.raises(InputError, match="expected one of logistic, mlp, both"):
        fit_probe([values], labels, design_of(labels, 20), "svm")

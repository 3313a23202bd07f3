"""From feature tables to a fitted probe: a layer of each table, then a classifier, then the fit that answers."""

from dataclasses import dataclass

import numpy as np

from c2ser.errors import InputError
from c2ser.probe.choose import answer, best_of, search_heads, search_strengths
from c2ser.probe.features import Standardiser
from c2ser.probe.head import fit_head
from c2ser.probe.linear import fit_logistic
from c2ser.probe.weights import unweighted_recall

CLASSIFIERS = ("logistic", "mlp", "both")


@dataclass(frozen=True)
class Probe:
    """A fitted probe.

    layers: for each table the number of its layer from 0, or None where all are mixed. chosen: the candidate that won.
    candidates: all classifiers tried, each with its `ua` on the held-out utterances. curves: for each table the best
    logistic regression on each of its layers. model, scalings: the fitted classifier and what its inputs are
    standardised by.
    """

    layers: list
    chosen: dict
    candidates: list
    curves: list
    model: object
    scalings: list

    @property
    def classes(self):
        """The class names in the order of the posteriors' columns."""
        return self.model.classes

    def inputs(self, tables):
        """Standardised inputs of the classifier, [`(utterances, layers used, width)`, …] float32."""
        return [scaling.apply(one) for scaling, one in zip(self.scalings, _pick(tables, self.layers))]

    def posteriors(self, tables):
        """[`(utterances, layers, width)`, …] → probabilities `(utterances, classes)`, float64."""
        return _posteriors(self.model, self.chosen, self.inputs(tables))


def fit_probe(tables, labels, design, classifier="logistic", layer="best", mix=False, class_weight="balanced", seed=0):
    """Choose and fit a probe.

    tables: [`(utterances, layers, width)`, …], features of the utterances that `design` speaks of, labels: their class
    names. classifier: one of `CLASSIFIERS`; "both" lets the held-out utterances decide. layer: "best", "last" or a
    number from 0; the best layer of each table is the one on which a logistic regression does best, the shallower of
    equals, whatever the classifier; the chosen layers of several tables are joined. mix: no layer is chosen, the head
    learns a mixture of all (classifier "mlp" only). class_weight: see `sample_weights`.
    Returns a `Probe`. Raises InputError for an option or layer that is not there.
    """
    if classifier not in CLASSIFIERS:
        raise InputError(f"classifier {classifier!r}: expected one of {', '.join(CLASSIFIERS)}")
    if mix and (classifier != "mlp" or layer != "best"):
        raise InputError("a mixture of layers is learned by the head: --mix true needs --classifier mlp and no --layer")
    curves = [
        [
            {"layer": number, **best_of(search_strengths(table[:, number], labels, design, class_weight, seed))}
            for number in range(table.shape[1])
        ]
        for table in tables
    ]
    layers = [None if mix else _layer(layer, curve, table) for curve, table in zip(curves, tables)]
    picked, candidates = _pick(tables, layers), []
    if classifier != "mlp":
        candidates += search_strengths(_joined(picked), labels, design, class_weight, seed)
    if classifier != "logistic":
        candidates += search_heads(picked, labels, design, class_weight, seed)
    chosen = best_of(candidates)
    scalings = [Standardiser.fit(one[design.final]) for one in picked]
    inputs = [scaling.apply(one[design.final]) for scaling, one in zip(scalings, picked)]
    model = _fit(chosen, inputs, [labels[row] for row in design.final], class_weight, seed)
    return Probe(layers, chosen, candidates, curves, model, scalings)


def recall_by_layer(table, test_table, labels, test_labels, design, curve, class_weight="balanced", seed=0):
    """Recall on a test set of the best logistic regression of each layer: to look at, never to choose by.

    table, labels: what `fit_probe` got; test_table `(utterances, layers, width)`, test_labels: the test set; curve: of
    `Probe.curves`. Returns one float for each layer.
    """
    recalls = []
    for entry in curve:
        known, unseen = table[design.final, entry["layer"]], test_table[:, entry["layer"]]
        scaling = Standardiser.fit(known)
        known_labels = [labels[row] for row in design.final]
        model = fit_logistic(scaling.apply(known), known_labels, entry["strength"], class_weight, seed)
        recalls.append(unweighted_recall(test_labels, answer(model.classes, model.posteriors(scaling.apply(unseen)))))
    return recalls


def _fit(chosen, inputs, labels, class_weight, seed):
    if chosen["classifier"] == "logistic":
        return fit_logistic(_joined(inputs), labels, chosen["strength"], class_weight, seed)
    return fit_head(inputs, labels, chosen["hidden"], chosen["rate"], chosen["epochs"], class_weight, seed)


def _posteriors(model, chosen, inputs):
    return model.posteriors(_joined(inputs) if chosen["classifier"] == "logistic" else inputs)


def _layer(wanted, curve, table):
    if wanted == "best":
        return best_of(curve)["layer"]
    number = table.shape[1] - 1 if wanted == "last" else wanted
    if not 0 <= number < table.shape[1]:
        raise InputError(f"--layer {number}: the features have {table.shape[1]} layers, counted from 0")
    return number


def _pick(tables, layers):
    return [table if layer is None else table[:, layer : layer + 1] for table, layer in zip(tables, layers)]


def _joined(inputs):
    """[`(utterances, 1, width)`, …] → `(utterances, sum of widths)`."""
    return np.concatenate([one[:, 0] for one in inputs], axis=1)

"""What is tried and on what it is judged: the test set takes no part in any choice made here."""

from dataclasses import dataclass

import numpy as np

from c2ser.errors import InputError
from c2ser.probe.features import Standardiser
from c2ser.probe.head import EPOCHS, HIDDEN, RATES, fit_head
from c2ser.probe.linear import STRENGTHS, logistic_path
from c2ser.probe.weights import unweighted_recall

WAYS = ("dev", "cross_speaker")
MIN_SPEAKERS = 3
MAX_GROUPS = 10


@dataclass(frozen=True)
class Design:
    """How choices are made over the rows of train followed by those of dev.

    splits: (rows to fit on, rows held out), int arrays; a candidate is judged by its answers to all held-out rows
    together. final: the rows that the chosen classifier is fitted on. says: what this is, in words.
    """

    splits: list
    final: np.ndarray
    says: str


def make_design(way, labels, speakers, train_size, seed=0):
    """The `Design` of one of `WAYS` over utterances of which the first `train_size` are train, the others dev.

    "dev" fits on train, chooses on dev and keeps the fit, as EmoBox does; without dev, a random fifth of train, of each
    class alike, takes its place, and the chosen classifier is fitted again on all of train (the fifth is EmoBox's, the
    second fit ours). "cross_speaker" leaves out one speaker of train and dev after the other and fits again on both in
    the end: for dev sets so small that their best candidate is chance. Over `MAX_GROUPS` speakers are left out in that
    many groups. labels, speakers: one an utterance.
    Raises InputError for fewer than two classes to fit on, nothing to hold out, or `cross_speaker` with fewer than
    three speakers.
    """
    rows, labels = np.arange(len(labels)), np.asarray(labels, dtype=str)
    if way == "cross_speaker":
        names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
        if len(names) < MIN_SPEAKERS:
            raise InputError(
                f"choosing across speakers needs {MIN_SPEAKERS} of them in train and dev, there are {len(names)}; "
                "use --choose_by dev"
            )
        group, groups = index % MAX_GROUPS, min(MAX_GROUPS, len(names))
        splits = [(rows[group != held], rows[group == held]) for held in range(groups)]
        design = Design(splits, rows, f"train and dev, {groups} groups of their {len(names)} speakers left out in turn")
    elif way != "dev":
        raise InputError(f"way of choosing {way!r}: expected one of {', '.join(WAYS)}")
    elif train_size < len(rows):
        design = Design([(rows[:train_size], rows[train_size:])], rows[:train_size], "dev")
    else:
        held = _random_fifth(labels, seed)
        if not len(held):
            raise InputError("a probe is chosen by held-out utterances, and no class has two in train; give it a dev set")
        design = Design([(np.setdiff1d(rows, held), held)], rows, "a random fifth of train")
    for fitted, _ in design.splits:
        found = sorted({str(label) for label in labels[fitted]})
        if len(found) < 2:
            raise InputError(f"a probe needs two classes to train on; there is only {found}")
    return design


def _random_fifth(labels, seed):
    """Rows of a fifth of each class, at least one of every class that has two."""
    random, held = np.random.default_rng(seed), []
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        held.extend(members[: max(round(len(members) / 5), int(len(members) > 1))])
    return np.sort(np.array(held, dtype=int))


def search_strengths(features, labels, design, class_weight="balanced", seed=0):
    """Logistic regressions on `(utterances, width)` features, one candidate for each of `STRENGTHS`.

    Returns [{"classifier": "logistic", "strength": C, "ua": recall on the held-out rows}], strongest penalty first.
    """
    answers = {strength: [] for strength in STRENGTHS}
    for fitted, held in design.splits:
        scaling = Standardiser.fit(features[fitted])
        known, unseen = scaling.apply(features[fitted]), scaling.apply(features[held])
        for strength, model in logistic_path(known, _of(labels, fitted), STRENGTHS, class_weight, seed):
            answers[strength] += answer(model.classes, model.posteriors(unseen))
    truth = _truth(labels, design)
    return [
        {"classifier": "logistic", "strength": strength, "ua": unweighted_recall(truth, answers[strength])}
        for strength in STRENGTHS
    ]


def search_heads(tables, labels, design, class_weight="balanced", seed=0):
    """EmoBox heads on [`(utterances, layers, width)`, …], one candidate for each of `HIDDEN` and `RATES`.

    Returns [{"classifier": "mlp", "hidden": units, "rate": learning rate, "epochs": the best, the first of equals,
    "ua": recall on the held-out rows after it}].
    """
    truth, found = _truth(labels, design), []
    for hidden in HIDDEN:
        for rate in RATES:
            answers = [[] for _ in range(EPOCHS)]
            for fitted, held in design.splits:
                scalings = [Standardiser.fit(table[fitted]) for table in tables]
                known, unseen = (
                    [scaling.apply(table[rows]) for scaling, table in zip(scalings, tables)] for rows in (fitted, held)
                )
                epochs = iter(answers)

                def watch(head, epochs=epochs, unseen=unseen):
                    next(epochs).extend(answer(head.classes, head.posteriors(unseen)))

                fit_head(known, _of(labels, fitted), hidden, rate, EPOCHS, class_weight, seed, watch)
            recalls = [unweighted_recall(truth, one) for one in answers]
            best = int(np.argmax(recalls))
            found.append(
                {"classifier": "mlp", "hidden": hidden, "rate": rate, "epochs": best + 1, "ua": recalls[best]}
            )
    return found


def best_of(candidates):
    """The candidate of the highest `ua`, the first of equals."""
    return max(candidates, key=lambda candidate: candidate["ua"])


def answer(classes, posteriors):
    """The most probable class of each row of `(utterances, classes)`."""
    return [classes[column] for column in posteriors.argmax(axis=1)]


def _truth(labels, design):
    return [label for _, held in design.splits for label in _of(labels, held)]


def _of(labels, rows):
    return [str(labels[row]) for row in rows]

"""From predictions on one or several test sets to the numbers that a score file holds."""

from collections import Counter
from dataclasses import asdict

from c2ser.errors import InputError
from c2ser.evaluation import metrics
from c2ser.evaluation.bootstrap import DRAWS, effective_number, fold_mean, intervals
from c2ser.evaluation.groups import GROUPINGS, split
from c2ser.evaluation.predictions import label_order
from c2ser.evaluation.restricted import restrict
from c2ser.evaluation.soft import soft_scores

COSTS = ("tokens_per_utterance", "seconds_per_utterance", "audio_seconds_per_utterance")
"""Entries of decode.json that are averaged over sets and reported."""
PEAKS = ("peak_memory_bytes", "peak_gpu_memory_bytes")
"""Entries of decode.json whose maximum over sets is reported."""


def score_sets(sets, table="utt2pred", draws=DRAWS, seed=0, unit="speaker"):
    """Score `PredictedSet`s pooled and one by one.

    Args:
        sets: the test sets, typically one per fold; no utterance may be in two of them.
        table: the table that the predictions came from, noted in the result.
        draws, seed: of the bootstrap.
        unit: "speaker" resamples speakers where there are enough, "utterance" never does.
    Returns:
        A dict that JSON can hold: `n`, `invalid`, `outside` (answers of classes that the reference lacks, which are
        wrong), `speakers`, `effective_speakers` (who say equally much and would tell as much), `labels`, `confusion` (rows reference, columns predicted, last column invalid), `scores`
        (ua, wa, macro_f1 as value, low, high, draws, unit), `weighted_f1`, `ece` (None where the predictions are not
        those of posteriors) with its bins in `reliability`, `per_class`, `chance`, `majority`, `sets` (the scores of
        each set), `fold_mean` (the mean over sets with Student's t interval, None for one set), `groups` (grouping →
        group → what `_score_group` gives; none where all utterances are of one group), `decode`, `restricted` (None
        where a set has no posteriors, see `_restricted`), `soft` (None where no set has votes, see
        `soft.soft_scores`).
        All scores are fractions in [0, 1].
    Raises:
        InputError: where sets share utterances or were decoded in different modes.
    """
    _check_disjoint(sets)
    counts, pooled = _score_pooled(sets, draws, seed, unit)
    labels = pooled["labels"]
    most_frequent = labels[int(metrics.support(counts).argmax())]
    each = [_score_one(one, labels) for one in sets]
    return {
        "table": table,
        "speakers": len({speaker for one in sets for speaker in one.speakers}),
        "effective_speakers": effective_number([*Counter(speaker for one in sets for speaker in one.speakers).values()]),
        "seed": seed,
        **pooled,
        "chance": _values(metrics.chance(counts)),
        "majority": {"label": most_frequent, **_values(metrics.majority(counts))},
        "sets": each,
        "fold_mean": _fold_mean(each),
        "groups": _score_groups(sets, draws, seed, unit),
        "decode": _mean_cost(sets),
        "restricted": _restricted(sets, draws, seed, unit),
        "soft": soft_scores(sets),
    }


def _score_pooled(sets, draws, seed, unit):
    """Confusion counts of all sets together, and the entries of a score that follow from them."""
    reference = [label for one in sets for label in one.reference]
    predicted = [label for one in sets for label in one.predicted]
    clusters = [speaker for one in sets for speaker in one.speakers] if unit == "speaker" else None
    labels = label_order(reference, predicted)
    counts = metrics.confusion(reference, predicted, labels)
    scores = intervals(reference, predicted, labels, clusters, draws, seed)
    return counts, {
        "n": len(reference),
        "invalid": int(counts[:, -1].sum()),
        "outside": int(metrics.outside(counts)),
        "labels": labels,
        "confusion": counts.tolist(),
        "scores": {name: asdict(interval) for name, interval in scores.items()},
        "weighted_f1": float(metrics.weighted_f1(counts)),
        **_calibration(sets),
        "per_class": _per_class(counts, labels),
    }


def _restricted(sets, draws, seed, unit):
    """Scores of what the posteriors favour among the classes of the (pooled) reference; None without posteriors.

    Returns the entries of `_score_pooled` and `left_out`, the classes of the posteriors that the reference lacks, and
    `lacking`, those of the reference that some set's posteriors lack and that can therefore not be answered there.
    """
    present = {label for one in sets for label in one.reference}
    found = [restrict(one, present) for one in sets]
    if None in found:
        return None
    classes = [set(one.classes) for one in sets]
    return {
        **_score_pooled(found, draws, seed, unit)[1],
        "left_out": label_order(set().union(*classes) - present),
        "lacking": label_order(present - set.intersection(*classes)),
    }


def _score_groups(sets, draws, seed, unit):
    groups = {grouping: split(sets, grouping) for grouping in GROUPINGS}
    return {
        grouping: {name: _score_group(parts, draws, seed, unit) for name, parts in found.items()}
        for grouping, found in groups.items()
        if found
    }


def _score_group(parts, draws, seed, unit):
    """Scores of a group over its own classes: entries of `_score_pooled`, `speakers`, `classes` (how many) and
    `restricted` (the intervals of `_restricted`, None without posteriors)."""
    counts, pooled = _score_pooled(parts, draws, seed, unit)
    restricted = _restricted(parts, draws, seed, unit)
    return {
        **{name: pooled[name] for name in ("n", "invalid", "outside", "scores")},
        "speakers": len({speaker for one in parts for speaker in one.speakers}),
        "classes": int((metrics.support(counts) > 0).sum()),
        "restricted": restricted and restricted["scores"],
    }


def _score_one(one, labels):
    counts = metrics.confusion(one.reference, one.predicted, labels)
    invalid = int(counts[:, -1].sum())
    return {
        "data_dir": one.data_dir,
        "decode_dir": one.decode_dir,
        "n": len(one),
        "invalid": invalid,
        "speakers": len(set(one.speakers)),
        **_values(counts),
    }


def _values(counts):
    return {name: float(metric(counts)) for name, metric in metrics.METRICS.items()}


def _per_class(counts, labels):
    """Label → its number of utterances, recall, precision and F1; the last three None for one the reference lacks."""
    scores = (metric(counts) for metric in (metrics.support, metrics.recall, metrics.precision, metrics.f1))
    return {
        label: {
            "n": int(number),
            "recall": float(recall) if number else None,
            "precision": float(precision) if number else None,
            "f1": float(f1) if number else None,
        }
        for label, number, recall, precision, f1 in zip(labels, *scores)
    }


def _fold_mean(each):
    if len(each) < 2:
        return None
    return {name: asdict(fold_mean([one[name] for one in each])) for name in metrics.METRICS}


def _calibration(sets):
    """`ece` and the bins that it is computed from, `reliability`; both None where a set has no confidences."""
    if any(one.confidence is None for one in sets):
        return {"ece": None, "reliability": None}
    confidence = [float(value) for one in sets for value in one.confidence]
    correct = [truth == answer for one in sets for truth, answer in zip(one.reference, one.predicted)]
    bins = (values.tolist() for values in metrics.reliability(confidence, correct))
    return {
        "ece": metrics.ece(confidence, correct),
        "reliability": dict(zip(("count", "confidence", "accuracy"), bins)),
    }


def _mean_cost(sets):
    """Mode, devices, mean costs over all utterances and peaks of decoding; None where a set has no decode.json."""
    if not all(one.decode for one in sets):
        return None
    modes = sorted({str(one.decode.get("mode")) for one in sets})
    if len(modes) > 1:
        raise InputError(f"the decoding directories are of different modes: {', '.join(modes)}; score them apart")
    cost = {"mode": sets[0].decode.get("mode")}
    for name in COSTS:
        if all(isinstance(one.decode.get(name), (int, float)) for one in sets):
            cost[name] = sum(one.decode[name] * len(one) for one in sets) / sum(len(one) for one in sets)
    for name in PEAKS:
        if all(isinstance(one.decode.get(name), (int, float)) for one in sets):
            cost[name] = max(one.decode[name] for one in sets)
    devices = sorted({one.decode["device"] for one in sets if isinstance(one.decode.get("device"), str)})
    return {**cost, "device": ", ".join(devices)} if devices else cost


def _check_disjoint(sets):
    origin = {}
    for one in sets:
        for utterance in one.utterances:
            if utterance in origin:
                raise InputError(
                    f"{utterance} is in both {origin[utterance]} and {one.data_dir}; pool sets that share no utterance"
                )
            origin[utterance] = one.data_dir

"""Scores of emotion recognition, all computed from confusion counts.

Every function takes counts of shape `(..., classes, classes + 1)`: rows are reference classes, columns predicted
classes, and the last column holds invalid answers (no label, or several). Leading axes are independent systems or
bootstrap draws, so one formula serves the score of a test set and all of its resamples. Counts may be integers or
expected (float) counts. An invalid answer is wrong in every score: it stands in the denominator of its class's
recall and of the accuracy and is never a true positive.

Scores are fractions in [0, 1]. Means over classes run over the classes present in the reference, so a stray answer
outside a test set's own classes is an error but does not add a class.
"""

import numpy as np

from c2ser.errors import InputError

INVALID = "<invalid>"
"""What utt2pred holds for an answer that names no label or several."""


def confusion(reference, predicted, labels):
    """Count `(reference, predicted)` pairs.

    Args:
        reference: label of each utterance, all of them in `labels`.
        predicted: predicted label of each utterance in the same order, in `labels` or `INVALID`.
        labels: the classes, in the order of rows and columns.
    Returns:
        int64 array `(classes, classes + 1)`; the last column counts invalid answers.
    Raises:
        InputError: where the two differ in length or a label is not in `labels`.
    """
    if len(reference) != len(predicted):
        raise InputError(f"{len(reference)} reference labels but {len(predicted)} predictions; give one for each")
    row = {label: i for i, label in enumerate(labels)}
    column = {**row, INVALID: len(row)}
    counts = np.zeros((len(row), len(row) + 1), dtype=np.int64)
    try:
        cells = [(row[truth], column[answer]) for truth, answer in zip(reference, predicted)]
    except KeyError as error:
        raise InputError(f"label {error} is not one of {', '.join(labels)}") from None
    if cells:
        np.add.at(counts, tuple(np.array(cells).T), 1)
    return counts


def support(counts):
    """Utterances of each reference class, `(..., classes)`."""
    return counts.sum(axis=-1)


def recall(counts):
    """Recall of each class, `(..., classes)`; NaN for a class that the reference does not hold."""
    with _quiet():
        return _hits(counts) / support(counts)


def precision(counts):
    """Precision of each class, `(..., classes)`; 0 for a class present but never predicted, NaN for an absent one."""
    predicted = _answers(counts).sum(axis=-2)
    with _quiet():
        values = np.where(predicted > 0, _hits(counts) / predicted, 0.0)
    return np.where(support(counts) > 0, values, np.nan)


def f1(counts):
    """F1 of each class, `2 TP / (reference + predicted)`, `(..., classes)`; NaN for a class the reference lacks."""
    present = support(counts)
    with _quiet():
        return np.where(present > 0, 2 * _hits(counts) / (present + _answers(counts).sum(axis=-2)), np.nan)


def wa(counts):
    """Weighted accuracy, the share of utterances answered rightly, `(...)`."""
    with _quiet():
        return _hits(counts).sum(axis=-1) / support(counts).sum(axis=-1)


def ua(counts):
    """Unweighted accuracy, the mean recall over the classes present in the reference, `(...)`."""
    return _mean_over_present(recall(counts))


def macro_f1(counts):
    """Mean F1 over the classes present in the reference, `(...)`."""
    return _mean_over_present(f1(counts))


def weighted_f1(counts):
    """Mean F1 weighted by the classes' shares of the reference, `(...)`."""
    present = support(counts)
    with _quiet():
        return np.nansum(f1(counts) * present, axis=-1) / present.sum(axis=-1)


def outside(counts):
    """Number of answers that are a class which the reference lacks, `(...)`; they are wrong whatever was said."""
    absent = support(counts) == 0
    return (_answers(counts).sum(axis=-2) * absent).sum(axis=-1)


METRICS = {"ua": ua, "wa": wa, "macro_f1": macro_f1}
"""The scores that every table gives, with intervals: name → function of counts."""


def chance(counts):
    """Expected counts of a system that guesses each class of the reference equally often, float, same shape.

    Its UA and WA are 1 / (classes present).
    """
    present = support(counts) > 0
    guesses = present / np.maximum(present.sum(axis=-1, keepdims=True), 1)
    return _constant(counts, guesses)


def majority(counts):
    """Counts of the constant answer that suits this test set best: its most frequent class (the first among equals).

    The class is taken from the reference itself, so no system that always gives one answer has a higher WA.
    """
    present = support(counts)
    guesses = np.arange(present.shape[-1]) == present.argmax(axis=-1)[..., None]
    return _constant(counts, guesses.astype(counts.dtype))


def reliability(confidence, correct, bins=15):
    """Calibration bins of equal width over the confidence.

    Args:
        confidence: `(utterances,)` in [0, 1], the posterior of each utterance's predicted class.
        correct: bool `(utterances,)`, whether that class is the reference.
        bins: number of bins; bin i holds confidences in (i / bins, (i + 1) / bins], the first one 0 as well.
    Returns:
        count, mean confidence and accuracy of each bin, three float arrays `(bins,)`; the means are 0 in empty bins.
    """
    confidence = np.asarray(confidence, dtype=float)
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins).astype(float)
    filled = np.maximum(count, 1)
    return (
        count,
        np.bincount(index, weights=confidence, minlength=bins) / filled,
        np.bincount(index, weights=np.asarray(correct, dtype=float), minlength=bins) / filled,
    )


def ece(confidence, correct, bins=15):
    """Expected calibration error: mean |accuracy − confidence| over the bins of `reliability`, weighted by count.

    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
    """
    count, mean_confidence, accuracy = reliability(confidence, correct, bins)
    return float((count * np.abs(accuracy - mean_confidence)).sum() / count.sum())


def _answers(counts):
    """The square of valid answers, without the column of invalid ones, `(..., classes, classes)`."""
    return counts[..., :-1]


def _hits(counts):
    return np.diagonal(_answers(counts), axis1=-2, axis2=-1)


def _constant(counts, guesses):
    """Counts of a system that answers with the shares `guesses` `(..., classes)` whatever it hears."""
    valid = support(counts)[..., :, None] * guesses[..., None, :]
    return np.concatenate([valid, np.zeros_like(valid[..., :1])], axis=-1)


def _mean_over_present(values):
    """Mean over the last axis without the NaN of absent classes; NaN where no class is present at all."""
    present = ~np.isnan(values)
    with _quiet():
        return np.where(present, values, 0.0).sum(axis=-1) / present.sum(axis=-1)


def _quiet():
    """Within it, a division by zero gives NaN without a warning: classes that the reference lacks are expected."""
    return np.errstate(divide="ignore", invalid="ignore")

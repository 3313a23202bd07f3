"""What a system would answer if it knew which classes a test set has: its posteriors renormalised over them.

A test set with four of the seven classes is harder for a system that may answer with all seven. Both scores are of
interest, and they are not to be mixed: the unrestricted one, where an answer outside the classes is wrong, and this.
"""

from dataclasses import replace

import numpy as np

from c2ser.evaluation.metrics import INVALID


def renormalise(posteriors, labels, classes):
    """Posteriors over those of `labels` that are among `classes`.

    Args:
        posteriors: float `(utterances, labels)`, rows that sum to 1.
        labels: the classes of the columns.
        classes: the classes to keep.
    Returns:
        Labels kept, in their order, and float `(utterances, labels kept)`, whose rows sum to 1; a row without any
        posterior on the labels kept is 0.
    """
    columns = [i for i, label in enumerate(labels) if label in classes]
    kept = posteriors[:, columns]
    total = kept.sum(axis=1, keepdims=True)
    return [labels[i] for i in columns], kept / np.where(total > 0, total, 1)


def restrict(one, classes):
    """A `PredictedSet` whose predictions are the classes, of those given, that its posteriors favour; None without any.

    Of equal posteriors the first class counts. An utterance without any posterior on `classes` has an invalid answer
    with confidence 0.
    """
    if one.posteriors is None:
        return None
    labels, posteriors = renormalise(one.posteriors, one.classes, classes)
    if not labels:
        return replace(one, predicted=[INVALID] * len(one), confidence=np.zeros(len(one)))
    confidence = posteriors.max(axis=1)
    chosen = [labels[i] for i in posteriors.argmax(axis=1)]
    predicted = [label if value > 0 else INVALID for label, value in zip(chosen, confidence)]
    return replace(one, predicted=predicted, confidence=confidence)

"""How much each training utterance counts, and what a choice is judged by: rare classes as much as frequent ones."""

from collections import Counter

import numpy as np

from c2ser.evaluation.metrics import confusion, ua

CLASS_WEIGHTS = ("balanced", "none")


def sample_weights(labels, class_weight="balanced"):
    """Weight of each utterance, float64 `(utterances,)` with mean 1.

    "balanced": every class counts as much, whatever its number of utterances. "none": every utterance does, which is
    how EmoBox trains.
    """
    if class_weight == "none":
        return np.ones(len(labels))
    counts = Counter(labels)
    return np.array([len(labels) / (len(counts) * counts[label]) for label in labels])


def unweighted_recall(reference, predicted):
    """Mean recall over the classes that `reference` holds; both are lists of class names."""
    return float(ua(confusion(reference, predicted, sorted({*reference, *predicted}))))

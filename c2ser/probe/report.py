"""What a probe tells about itself beside its answers: overlap with the test set, curves over layers, distances."""

import logging
import math

import numpy as np

from c2ser.datadir.faults import some
from c2ser.probe.fit import recall_by_layer
from c2ser.probe.geometry import class_distance_ratio


def unmeasured(paths, tables):
    """Number of NaN values in each table `(utterances, layers, width)`; they are logged, as a mean fills them."""
    counts = [int(np.isnan(table).sum()) for table in tables]
    for path, table, count in zip(paths, tables, counts):
        if count:
            concerned = int(np.isnan(table).any(axis=(1, 2)).sum())
            logging.warning("%s: %d values of %d utterances are NaN (not measured): they take the mean of training",
                            path, count, concerned)  # fmt: skip
    return counts


def shared_with_training(fitted, test, speakers):
    """How many utterances and speakers of the test set are in train or dev too: none, where the sets are well made."""
    again = sorted(set(fitted) & set(test))
    if again:
        logging.warning("%d utterances of the test set are in train or dev too: %s", len(again), some(again))
    heard = {speakers[utterance] for utterance in fitted} & {speakers[utterance] for utterance in test}
    return {"test_utterances_in_training": len(again), "test_speakers_in_training": len(heard)}


def distance_ratio(inputs, rows, labels):
    """Class-distance ratio (cosine) of some rows of a probe's inputs, all their layers side by side.

    None where there are fewer than two classes, and where every utterance lies on its class's mean.
    """
    if len(set(labels)) < 2:
        return None
    joined = np.concatenate([one.reshape(len(one), -1)[list(rows)] for one in inputs], axis=1)
    ratio = class_distance_ratio(joined, labels)
    return ratio if math.isfinite(ratio) else None


def layer_curves(paths, curves, training, test, design, class_weight="balanced", seed=0):
    """The content of layers.json.

    curves: `Probe.curves`; training: (tables, labels) that the probe was fitted with; test: (tables, rows of the
    labelled utterances, their labels). Recall on test is None throughout where no utterance of it is labelled.
    """
    (known, labels), (unseen, rows, test_labels) = training, test
    tables = []
    for path, curve, table, test_table in zip(paths, curves, known, unseen):
        recalls = [None] * len(curve)
        if rows:
            recalls = recall_by_layer(table, test_table[rows], labels, test_labels, design, curve, class_weight, seed)
        layers = [
            {
                "layer": one["layer"],
                "strength": one["strength"],
                "dev_ua": one["ua"],
                "test_ua_not_used_for_choosing": recall,
            }
            for one, recall in zip(curve, recalls)
        ]
        tables.append({"feats_scp": str(path), "layers": layers})
    return {"classifier": "logistic", "chosen_on": design.says, "tables": tables}

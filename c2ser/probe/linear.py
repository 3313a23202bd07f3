"""Logistic regression on frozen utterance features, its regularisation chosen on development data only."""

import numpy as np

from c2ser.errors import InputError

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse regularisation strengths tried; the first of equals wins, that is, the strongest regularisation."""


def fit_probe(train, train_labels, dev, dev_labels, seed=0):
    """Fit a standardised multinomial logistic regression.

    train, dev: float `(utterances, dim)`; labels: lists of class names. Classes are weighted by their inverse frequency.
    Returns the classifier fitted on train with the strength that gives the best unweighted recall on dev (on train, where
    dev is empty), and that strength. Raises InputError where train holds fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import recall_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(set(train_labels)) < 2:
        raise InputError(f"a probe needs two classes to train on; there is only {sorted(set(train_labels))}")
    held_out, wanted = (dev, dev_labels) if len(dev) else (train, train_labels)
    best = None
    for strength in STRENGTHS:
        classifier = make_pipeline(
            StandardScaler(),
            LogisticRegression(C=strength, class_weight="balanced", max_iter=2000, random_state=seed),
        ).fit(train, train_labels)
        recall = recall_score(wanted, classifier.predict(held_out), average="macro", zero_division=0)
        if best is None or recall > best[0]:
            best = recall, strength, classifier
    return best[2], best[1]


def stack(features, utterances, where):
    """scp entries → float64 `(utterances, dim)`. Raises InputError for an utterance without features."""
    from c2ser.ark import read_ark

    lacking = [utterance for utterance in utterances if utterance not in features]
    if lacking:
        raise InputError(f"{where}: no features for {len(lacking)} utterances ({', '.join(lacking[:5])}); rerun stage 6")
    return np.stack([read_ark(features[utterance]).reshape(-1) for utterance in utterances]).astype(np.float64)

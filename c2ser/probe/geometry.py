"""How far apart the classes lie in feature space, without training a classifier."""

import numpy as np

from c2ser.errors import InputError

DISTANCES = ("cosine", "euclidean")


def class_distance_ratio(features, labels, distance="cosine"):
    """Scatter between classes over scatter within them: 0 where the classes' means coincide, without an upper limit.

        between = mean over classes of d(mean of the class, mean of the classes' means)
        within  = mean over classes of the mean over its utterances of d(utterance, mean of the class)

    d is the squared Euclidean distance; with "cosine" every utterance is first scaled to length 1, so that d between
    two utterances is 2 (1 − cosine). Classes count alike, whatever their number of utterances. The ratio does not
    depend on the scale of the features, with "euclidean" nor on their origin; standardise them so that no dimension
    rules. Means of few utterances stray: n utterances a class without any structure give about 1 / n, not 0.

    features: float `(utterances, dim)`; labels: class names, one an utterance. An utterance of zeros stays where it
    is. Returns a float, infinity where every utterance lies on its class's mean. Raises InputError for fewer than two
    classes, other lengths, features that are not finite, or another distance.
    """
    features, labels = np.asarray(features, dtype=np.float64), np.asarray(labels, dtype=str)
    if distance not in DISTANCES:
        raise InputError(f"distance {distance!r}: expected one of {', '.join(DISTANCES)}")
    if len(features) != len(labels):
        raise InputError(f"{len(features)} feature vectors for {len(labels)} labels; give one for each")
    if not np.isfinite(features).all():
        raise InputError("features that are not finite have no distances; extract them again")
    classes = np.unique(labels)
    if len(classes) < 2:
        raise InputError(f"distances between classes need two of them; there is only {classes.tolist()}")
    if distance == "cosine":
        length = np.linalg.norm(features, axis=1, keepdims=True)
        features = features / np.where(length > 0, length, 1.0)
    groups = [features[labels == label] for label in classes]
    means = np.stack([group.mean(axis=0) for group in groups])
    between = np.square(means - means.mean(axis=0)).sum(axis=1).mean()
    within = np.mean([np.square(group - mean).sum(axis=1).mean() for group, mean in zip(groups, means)])
    return float(between / within) if within > 0 else float("inf")

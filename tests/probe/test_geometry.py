"""The class-distance ratio by hand and by what it must not depend on."""

import numpy as np
import pytest

from c2ser.errors import InputError
from c2ser.probe.geometry import class_distance_ratio


def test_by_hand_euclidean():
    # means (1, 0), (5, 0), their mean (3, 0): between 4; within 1
    points, labels = [[0, 0], [2, 0], [5, 1], [5, -1]], ["sad", "sad", "angry", "angry"]
    assert class_distance_ratio(points, labels, "euclidean") == pytest.approx(4.0)


def test_by_hand_cosine():
    # unit vectors at 0°, 90° and at 180°, 270°: means ± (1/2, 1/2), squared length 1/2 each, and 1/2 within
    points = [[7, 0], [0, 2], [-1, 0], [0, -5]]
    assert class_distance_ratio(points, ["a", "a", "b", "b"]) == pytest.approx(1.0)


def test_classes_count_alike():
    points = [[-1.0], [1], [9], [11]]
    more = [*points, *points[2:] * 50]
    labels = ["a", "a", "b", "b"]
    one = class_distance_ratio(points, labels, "euclidean")
    assert class_distance_ratio(more, [*labels, *["b"] * 100], "euclidean") == pytest.approx(one) == pytest.approx(25)


def test_scale_and_origin():
    random = np.random.default_rng(0)
    points, labels = random.normal(size=(60, 4)), ["a", "b", "c"] * 20
    euclidean, cosine = (class_distance_ratio(points, labels, name) for name in ("euclidean", "cosine"))
    assert class_distance_ratio(7 * points + 100, labels, "euclidean") == pytest.approx(euclidean)
    assert class_distance_ratio(points * random.uniform(1, 9, (60, 1)), labels) == pytest.approx(cosine)
    assert 0.3 / 20 < euclidean < 3 / 20  # nothing but chance: about 1 / utterances of a class


def test_extremes():
    assert class_distance_ratio([[1, 0], [0, 1], [1, 0], [0, 1]], ["a", "a", "b", "b"]) == 0
    assert class_distance_ratio([[1, 0], [2, 0], [0, 1]], ["a", "a", "b"]) == float("inf")


@pytest.mark.parametrize(
    ("points", "labels", "distance", "message"),
    [
        ([[1.0], [2]], ["a", "a"], "cosine", r"there is only \['a'\]"),
        ([[1.0], [2]], ["a"], "cosine", "2 feature vectors for 1 labels"),
        ([[1.0], [np.nan]], ["a", "b"], "cosine", "not finite"),
        ([[1.0], [2]], ["a", "b"], "city", "expected one of cosine, euclidean"),
    ],
)
def test_what_is_refused(points, labels, distance, message):
    with pytest.raises(InputError, match=message):
        class_distance_ratio(points, labels, distance)

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation import metrics
from c2ser.evaluation.metrics import INVALID

LABELS = ("angry", "neutral", "sad")
# Worked by hand: angry 2 right, 1 sad, 1 invalid; neutral 1 right, 1 angry; sad 0 right, 2 neutral.
REFERENCE = ["angry"] * 4 + ["neutral"] * 2 + ["sad"] * 2
PREDICTED = ["angry", "angry", "sad", INVALID, "neutral", "angry", "neutral", "neutral"]
COUNTS = metrics.confusion(REFERENCE, PREDICTED, LABELS)


def test_confusion_by_hand():
    assert COUNTS.tolist() == [[2, 0, 1, 1], [1, 1, 0, 0], [0, 2, 0, 0]]
    assert COUNTS.dtype == np.int64


def test_scores_by_hand():
    assert metrics.recall(COUNTS) == pytest.approx([1 / 2, 1 / 2, 0])
    assert metrics.precision(COUNTS) == pytest.approx([2 / 3, 1 / 3, 0])
    assert metrics.f1(COUNTS) == pytest.approx([4 / 7, 2 / 5, 0])
    assert metrics.wa(COUNTS) == pytest.approx(3 / 8)
    assert metrics.ua(COUNTS) == pytest.approx(1 / 3)
    assert metrics.macro_f1(COUNTS) == pytest.approx((4 / 7 + 2 / 5) / 3)
    assert metrics.weighted_f1(COUNTS) == pytest.approx((4 * 4 / 7 + 2 * 2 / 5) / 8)


@pytest.mark.parametrize("seed", range(5))
def test_scores_agree_with_sklearn(seed):
    random = np.random.default_rng(seed)
    present = EMOTIONS[: 3 + seed % 4]  # some classes are predicted but never in the reference
    reference = random.choice(present, 300)
    answers = random.choice([*EMOTIONS, INVALID], 300)
    predicted = np.where(random.random(300) < 0.5, reference, answers)
    counts = metrics.confusion(reference, predicted, EMOTIONS)
    precision, recall, f1, support = precision_recall_fscore_support(
        reference, predicted, labels=present, zero_division=0
    )
    held = slice(0, len(present))
    assert metrics.precision(counts)[held] == pytest.approx(precision)
    assert metrics.recall(counts)[held] == pytest.approx(recall)
    assert metrics.f1(counts)[held] == pytest.approx(f1)
    assert metrics.support(counts)[held].tolist() == support.tolist()
    for score in (metrics.precision, metrics.recall, metrics.f1):
        assert np.isnan(score(counts)[len(present) :]).all()
    assert metrics.wa(counts) == pytest.approx(accuracy_score(reference, predicted))
    assert metrics.macro_f1(counts) == pytest.approx(f1.mean())
    assert metrics.weighted_f1(counts) == pytest.approx(np.average(f1, weights=support))
    with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
        assert metrics.ua(counts) == pytest.approx(balanced_accuracy_score(reference, predicted))


def test_leading_axes_are_independent():
    random = np.random.default_rng(0)
    counts = random.integers(0, 9, (4, 2, 3, 4))
    counts[0, 0, 1] = 0  # a class absent from one of them
    for metric in (*metrics.METRICS.values(), metrics.weighted_f1, metrics.f1):
        together = metric(counts)
        for index in np.ndindex(4, 2):
            np.testing.assert_allclose(together[index], metric(counts[index]), equal_nan=True)


def test_an_invalid_answer_counts_as_a_wrong_one():
    right = metrics.confusion(["sad", "angry"], ["sad", "angry"], LABELS)
    invalid = metrics.confusion(["sad", "angry"], ["sad", INVALID], LABELS)
    for metric in metrics.METRICS.values():
        assert metric(invalid) == pytest.approx(0.5) and metric(right) == pytest.approx(1)


def test_a_class_that_is_never_or_once_answered():
    counts = metrics.confusion(["sad", "angry", "angry"], ["angry", "angry", INVALID], LABELS)
    np.testing.assert_array_equal(metrics.precision(counts), [0.5, np.nan, 0])
    np.testing.assert_array_equal(metrics.recall(counts), [0.5, np.nan, 0])
    assert metrics.precision(metrics.confusion(["sad"], ["sad"], LABELS))[2] == 1


def test_no_utterances_give_nan():
    for metric in metrics.METRICS.values():
        assert np.isnan(metric(np.zeros((3, 4), dtype=int)))


def test_chance_and_majority():
    counts = metrics.confusion(["sad"] * 3 + ["angry"], ["sad"] * 4, LABELS)
    assert metrics.ua(metrics.chance(counts)) == pytest.approx(1 / 2)  # two of the three classes are present
    assert metrics.wa(metrics.chance(counts)) == pytest.approx(1 / 2)
    assert metrics.chance(counts).tolist() == [[0.5, 0, 0.5, 0], [0, 0, 0, 0], [1.5, 0, 1.5, 0]]
    assert metrics.majority(counts).tolist() == [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 3, 0]]
    assert metrics.wa(metrics.majority(counts)) == pytest.approx(3 / 4)


def test_majority_takes_the_first_among_equals():
    counts = metrics.confusion(["sad", "angry"], ["sad", "sad"], LABELS)
    assert metrics.majority(counts)[:, 0].tolist() == [1, 0, 1]


def test_ece_by_hand():
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    correct = np.array([True, False, True, True])
    # Two bins: |0.5 − 0.95| and |1 − 0.55|, half of the utterances each.
    assert metrics.ece(confidence, correct, bins=10) == pytest.approx(0.45)
    count, mean_confidence, accuracy = metrics.reliability(confidence, correct, bins=10)
    assert count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert mean_confidence[[5, 9]] == pytest.approx([0.55, 0.95])
    assert accuracy[[5, 9]] == pytest.approx([1, 0.5])


def test_reliability_bins_close_at_their_upper_end():
    count, confidence, accuracy = metrics.reliability([0.0, 0.2, 0.21, 1.0], [True] * 4, bins=5)
    assert count.tolist() == [2, 1, 0, 0, 1]
    assert confidence == pytest.approx([0.1, 0.21, 0, 0, 1]) and accuracy.tolist() == [1, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("reference", "predicted", "message"),
    [
        (["sad"], [], "1 reference labels but 0 predictions"),
        (["happy"], ["sad"], "'happy' is not one of"),
        (["sad"], ["happy"], "'happy' is not one of"),
        ([INVALID], ["sad"], "'<invalid>' is not one of"),
    ],
)
def test_confusion_refuses(reference, predicted, message):
    with pytest.raises(InputError, match=message):
        metrics.confusion(reference, predicted, LABELS)


@pytest.mark.parametrize("seed", range(3))
def test_confusion_and_majority_agree_with_sklearn(seed):
    random = np.random.default_rng(seed)
    reference, predicted = random.choice(EMOTIONS, 200), random.choice(EMOTIONS, 200)
    counts = metrics.confusion(reference, predicted, EMOTIONS)
    np.testing.assert_array_equal(counts[:, :-1], confusion_matrix(reference, predicted, labels=EMOTIONS))
    assert counts[:, -1].sum() == 0
    constant = DummyClassifier(strategy="most_frequent").fit(np.zeros((200, 1)), reference).predict(np.zeros((200, 1)))
    assert metrics.wa(metrics.majority(counts)) == pytest.approx(accuracy_score(reference, constant))
    macro = f1_score(reference, constant, average="macro", zero_division=0)
    assert metrics.macro_f1(metrics.majority(counts)) == pytest.approx(macro)


@pytest.mark.parametrize("seed", range(3))
def test_ece_agrees_with_the_calibration_curve_of_sklearn(seed):
    random = np.random.default_rng(seed)
    confidence = np.concatenate([random.random(300), [0.0, 0.2, 1.0]])  # some of them on the edges of bins
    correct = random.random(303) < confidence**2
    accuracy, mean_confidence = calibration_curve(correct, confidence, n_bins=10)
    count, _, _ = metrics.reliability(confidence, correct, bins=10)
    wanted = np.average(np.abs(accuracy - mean_confidence), weights=count[count > 0])
    assert metrics.ece(confidence, correct, bins=10) == pytest.approx(wanted)


def test_answers_outside_the_reference_are_counted():
    counts = metrics.confusion(["sad", "sad", "angry"], ["neutral", "neutral", INVALID], LABELS)
    assert metrics.outside(counts) == 2
    assert metrics.outside(np.stack([counts, COUNTS])).tolist() == [2, 0]

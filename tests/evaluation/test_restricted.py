import numpy as np
import pytest

from c2ser.evaluation import metrics
from c2ser.evaluation.predictions import PredictedSet, read_set
from c2ser.evaluation.restricted import renormalise, restrict
from c2ser.evaluation.scoring import score_sets

CLASSES = ("angry", "happy", "sad")
ROWS = [[0.2, 0.5, 0.3], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0, 1, 0]]


def set_with_posteriors(reference, rows, predicted, classes=CLASSES, name="a"):
    utterances = [f"{name}{i}" for i in range(len(rows))]
    speakers = [name] * len(rows)
    return PredictedSet(name, name, utterances, reference, predicted, speakers, None, {}, np.array(rows), classes)


def test_renormalises():
    labels, found = renormalise(np.array(ROWS), CLASSES, {"sad", "angry"})
    assert labels == ["angry", "sad"]
    assert found == pytest.approx(np.array([[0.4, 0.6], [0.75, 0.25], [0.5, 0.5], [0, 0]]))


def test_restricted_predictions():
    one = set_with_posteriors(["sad", "angry", "sad", "sad"], ROWS, ["happy"] * 4)
    found = restrict(one, {"angry", "sad", "neutral"})
    assert found.predicted == ["sad", "angry", "angry", "<invalid>"]  # the first of equals, and one without any
    assert found.confidence == pytest.approx([0.6, 0.75, 0.5, 0])
    assert found.reference == one.reference and one.predicted == ["happy"] * 4
    assert restrict(one, {"neutral"}).predicted == ["<invalid>"] * 4
    assert restrict(PredictedSet("a", "a", ["u"], ["sad"], ["sad"], ["s"]), {"sad"}) is None


def test_both_scores_are_given():
    one = set_with_posteriors(["sad", "angry", "sad", "sad"], ROWS, ["happy", "happy", "<invalid>", "sad"])
    score = score_sets([one], draws=20)
    assert score["scores"]["wa"]["value"] == pytest.approx(1 / 4) and score["outside"] == 2 and score["invalid"] == 1
    found = score["restricted"]
    assert found["labels"] == ["angry", "sad"] and found["confusion"] == [[1, 0, 0], [1, 1, 1]]
    assert (found["n"], found["invalid"], found["outside"]) == (4, 1, 0)
    assert (found["left_out"], found["lacking"]) == (["happy"], [])
    assert found["scores"]["ua"]["value"] == pytest.approx((1 + 1 / 3) / 2)
    confidence, correct = [0.6, 0.75, 0.5, 0], [True, True, False, False]
    assert found["ece"] == pytest.approx(metrics.ece(confidence, correct))


def test_the_classes_are_those_of_all_sets_together():
    first = set_with_posteriors(["sad"], [[0.1, 0.8, 0.1]], ["sad"])
    second = set_with_posteriors(["happy"], [[0.6, 0.4]], ["sad"], ("happy", "sad"), "b")
    found = score_sets([first, second, set_with_posteriors(["neutral"], ROWS[:1], ["sad"], name="c")], draws=5)
    found = found["restricted"]
    assert found["confusion"] == [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]  # all are answered happy
    assert (found["left_out"], found["lacking"]) == (["angry"], ["neutral"])


def test_posteriors_of_a_decoding(one_set):
    score = score_sets([read_set(*one_set)], draws=5)
    assert score["scores"]["wa"]["value"] == pytest.approx(1 / 2)
    assert score["restricted"]["scores"]["wa"]["value"] == pytest.approx(5 / 6)  # as utt2scored has it
    assert score["restricted"]["left_out"] == [] and score["outside"] == 1
    for name in ("posteriors", "labels"):
        (one_set[1] / name).unlink()
    assert score_sets([read_set(*one_set)], draws=5)["restricted"] is None

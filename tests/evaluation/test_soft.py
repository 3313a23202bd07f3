import json

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.stats import entropy
from sklearn.metrics import f1_score

from c2ser.evaluation import metrics
from c2ser.evaluation.predictions import PredictedSet
from c2ser.evaluation.soft import FLOOR, divergences, soft_confusion, soft_rows, soft_scores

CLASSES = ("angry", "neutral", "sad")


def voted_set(votes, predicted, posteriors=None, name="a", classes=CLASSES):
    """A set with the utterances a0, a1 …; votes: utterance → {label: number}."""
    utterances = [f"{name}{i}" for i in range(len(predicted))]
    rows = None if posteriors is None else np.array(posteriors, dtype=float)
    reference = ["sad"] * len(predicted)
    return PredictedSet(name, name, utterances, reference, predicted, utterances, None, {}, rows, classes, votes)


def test_answers_by_hand():
    votes = {"a0": {"angry": 2, "sad": 1}, "a1": {"neutral": 4}, "a2": {"angry": 1, "neutral": 1}, "b9": {"sad": 1}}
    found = soft_scores([voted_set(votes, ["sad", "neutral", "<invalid>", "sad"])])
    assert (found["n"], found["without_votes"], found["unused_votes"]) == (3, 1, 1)
    assert found["any_vote"] == pytest.approx(2 / 3)
    assert found["vote_share"] == pytest.approx((1 / 3 + 1 + 0) / 3)
    assert found["vote_share_limit"] == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)
    # angry: never answered; neutral: 2 · 1 / (1.5 + 1); sad: 2 · 1/3 / (1/3 + 1)
    assert found["macro_f1"] == pytest.approx((0 + 0.8 + 0.5) / 3)
    assert found["per_class"]["neutral"] == pytest.approx({"votes": 1.5, "f1": 0.8})
    assert found["distribution"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_unanimous_votes_give_the_scores_of_labels():
    random = np.random.default_rng(0)
    truth, answers = random.choice(CLASSES, 50).tolist(), random.choice([*CLASSES, "<invalid>"], 50).tolist()
    found = soft_scores([voted_set({f"a{i}": {label: 3} for i, label in enumerate(truth)}, answers)])
    counts = metrics.confusion(truth, answers, CLASSES)
    assert found["macro_f1"] == pytest.approx(metrics.macro_f1(counts))
    assert found["any_vote"] == found["vote_share"] == pytest.approx(metrics.wa(counts))
    assert found["vote_share_limit"] == 1


def test_soft_f1_agrees_with_sklearn_on_one_row_a_vote():
    random = np.random.default_rng(1)
    numbers = random.integers(0, 4, (40, 3)) + np.eye(3, dtype=int)[random.integers(0, 3, 40)]
    answers = random.choice(CLASSES, 40).tolist()
    shares = [dict(zip(CLASSES, row / row.sum())) for row in numbers]
    rows = [(label, answer, one[label]) for one, answer in zip(shares, answers) for label in CLASSES]
    truth, predicted, weight = zip(*rows)
    wanted = f1_score(truth, predicted, labels=CLASSES, average=None, sample_weight=weight)
    assert metrics.f1(soft_confusion(shares, answers, CLASSES)) == pytest.approx(wanted)


def test_divergences_agree_with_scipy():
    random = np.random.default_rng(2)
    target, posteriors = random.dirichlet([0.5] * 4, 30), random.dirichlet([1.0] * 4, 30)
    target[:10] = np.eye(4)[random.integers(0, 4, 10)]  # distributions with zeros
    cross_entropy, own, kl, js = divergences(target, posteriors)
    assert own == pytest.approx(entropy(target, axis=1))
    assert kl == pytest.approx(rel_entr(target, posteriors).sum(axis=1))
    assert cross_entropy == pytest.approx(own + kl)
    assert js == pytest.approx(jensenshannon(target, posteriors, base=2, axis=1) ** 2)


def test_ends_of_the_divergences():
    same, apart = np.array([[0.25, 0.75, 0]]), np.array([[0, 0, 1.0]])
    assert np.concatenate(divergences(same, same))[2:] == pytest.approx([0, 0], abs=1e-12)
    assert divergences(same, apart)[3] == pytest.approx([1])
    assert divergences(apart, same)[0] == pytest.approx([-np.log(FLOOR)])  # finite


def test_distributions_are_means_over_all_sets():
    first = voted_set({"a0": {"angry": 1, "sad": 1}}, ["sad", "sad"], [[0.5, 0, 0.5], [1, 0, 0]])
    votes = {"b0": {"sad": 3}, "b1": {"sad": 1, "other": 1}, "b2": {"other": 2}}
    second = voted_set(votes, ["sad"] * 3, [[0.75, 0.25], [0.5, 0.5], [0.5, 0.5]], "b", ("angry", "sad"))
    found = soft_scores([first, second])
    assert (found["n"], found["without_votes"]) == (4, 1)
    own = found["distribution"]
    assert (own["n"], own["left_out"]) == (3, 1) and own["votes_left_out"] == pytest.approx(1.5 / 4)
    assert own["kl"] == pytest.approx((0 - np.log(0.25) - np.log(0.5)) / 3)
    assert own["entropy"] == pytest.approx(np.log(2) / 3)
    assert own["cross_entropy"] == pytest.approx(own["kl"] + own["entropy"])
    assert found["any_vote"] == pytest.approx(3 / 4)
    assert soft_scores([first, voted_set({"b0": {"sad": 1}}, ["sad"], name="b")])["distribution"] is None


def test_rounded_posteriors_are_brought_to_sum_1():
    found = soft_scores([voted_set({"a0": {"angry": 1}}, ["angry"], [[0.9995, 0, 0]])])
    assert found["distribution"]["kl"] == pytest.approx(0, abs=1e-12)


def test_no_votes():
    plain = voted_set(None, ["sad"])
    assert soft_scores([plain]) is None
    assert soft_rows({"plain": {"soft": None}}) == []
    found = soft_scores([voted_set({"b0": {"sad": 1}}, ["sad"]), plain])
    assert (found["n"], found["without_votes"], found["unused_votes"], found["vote_share"]) == (0, 2, 1, None)
    assert soft_rows({"plain": {"soft": found}}) == []


def test_table():
    found = soft_scores([voted_set({"a0": {"angry": 2, "sad": 2}}, ["sad"], [[0.5, 0, 0.5]])])
    heading, row = soft_rows({"ours": {"soft": found}})
    assert row == ["ours", "1", "100.0", "50.0", "33.3", "0.693", "0.000", "0.000"] and len(heading) == len(row)
    without = soft_scores([voted_set({"a0": {"angry": 2, "sad": 2}}, ["sad"])])
    assert soft_rows({"theirs": {"soft": without}})[1][5:] == ["–"] * 3

"""Statistics, scores and probabilities against other libraries, enumeration, and loops written from the definitions:
nothing here repeats a formula of the module that it tests."""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, special, stats
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, f1_score, log_loss, recall_score
from statsmodels.stats.contingency_tables import mcnemar as table_mcnemar
from statsmodels.stats.multitest import multipletests

from c2ser.evaluation import bootstrap, calibration, rationales, significance
from c2ser.evaluation.stability import agreement, prompt_stability

LABELS = ("angry", "neutral", "sad")


def drawn(seed, utterances, systems=2, right=0.6):
    """Labels and the answers of systems that are right in so many cases and otherwise guess."""
    random = np.random.default_rng(seed)
    truth = random.choice(LABELS, utterances)
    guesses = [random.choice(LABELS, utterances) for _ in range(systems)]
    return truth, *(np.where(random.random(utterances) < right, truth, guess) for guess in guesses)


# --- tests between systems


@pytest.mark.parametrize("seed", range(3))
def test_mcnemar_is_that_of_statsmodels(seed):
    truth, first, second = drawn(seed, 90)
    right = np.stack([first == truth, second == truth])
    table = [[np.sum((right[0] == a) & (right[1] == b)) for b in (True, False)] for a in (True, False)]
    found = significance.mcnemar(truth, first, second)
    assert found == (table[0][1], table[1][0], pytest.approx(table_mcnemar(table, exact=True).pvalue))


@pytest.mark.parametrize("number", [1, 2, 7, 40])
def test_holm_is_that_of_statsmodels(number):
    p_values = np.random.default_rng(number).random(number) ** 4
    assert significance.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize("sizes", [(9, 9, 9, 9, 9, 9), (4, 30, 7, 12, 9)])
@pytest.mark.parametrize("score", ["ua", "macro_f1"])
def test_the_interval_of_a_difference_leaves_out_one_speaker_after_the_other(sizes, score):
    measure = {"ua": balanced_accuracy_score, "macro_f1": lambda *two: f1_score(*two, average="macro")}[score]
    truth, first, second = drawn(5, sum(sizes))
    speakers = np.repeat([f"s{i}" for i in range(len(sizes))], sizes)

    def difference(rows):
        return measure(truth[rows], first[rows]) - measure(truth[rows], second[rows])

    without = [difference(speakers != name) for name in np.unique(speakers)]
    error = math.sqrt((len(sizes) - 1) / len(sizes) * sum((value - np.mean(without)) ** 2 for value in without))
    freedom = sum(sizes) ** 2 / sum(size**2 for size in sizes) - 1
    wanted = stats.t.interval(0.95, freedom, loc=difference(speakers == speakers), scale=error)
    found = significance.paired_difference(truth, first, second, LABELS, speakers)[score]
    assert (found.interval.low, found.interval.high) == pytest.approx(wanted)
    assert (found.error, found.freedom) == pytest.approx((error, freedom))


# --- intervals


def test_intervals_over_utterances_are_scipys_bootstrap():
    truth, first, second = drawn(6, 150)
    whole = {"n_resamples": 20_000, "method": "percentile", "rng": np.random.default_rng(0)}
    right, gain = (first == truth).astype(float), (first == truth).astype(float) - (second == truth)
    one = stats.bootstrap((right,), np.mean, **whole).confidence_interval
    both = stats.bootstrap((gain,), np.mean, **whole).confidence_interval
    found = bootstrap.intervals(truth, first, LABELS, draws=20_000)["wa"]
    assert (found.low, found.high) == pytest.approx((one.low, one.high), abs=0.008)
    found = significance.paired_difference(truth, first, second, LABELS, draws=20_000)["wa"]
    assert (found.interval.low, found.interval.high) == pytest.approx((both.low, both.high), abs=0.008)
    assert found.error == pytest.approx(stats.sem(gain), rel=0.03)


# --- calibration


@pytest.mark.parametrize("seed", range(3))
def test_temperature_is_the_minimum_that_scipy_finds(seed):
    random = np.random.default_rng(seed)
    logs = special.log_softmax(random.normal(0, 2, (400, 5)), axis=1)
    truth = np.where(random.random(400) < 0.6, logs.argmax(axis=1), random.integers(0, 5, 400))

    def loss(temperature):
        return log_loss(truth, special.softmax(logs / temperature, axis=1), labels=range(5))

    found = optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-6})
    assert calibration.fit_temperature(logs, truth) == pytest.approx(found.x, rel=1e-3)
    posteriors = special.softmax(logs, axis=1)
    made = calibration.quality(posteriors, truth)
    assert made["nll"] == pytest.approx(log_loss(truth, posteriors, labels=range(5)))
    assert made["ua"] == pytest.approx(balanced_accuracy_score(truth, posteriors.argmax(axis=1)))
    bins = {}
    for row, label in zip(posteriors, truth):
        bins.setdefault(math.ceil(row.max() * 15), []).append((row.max(), row.argmax() == label))
    gaps = [abs(sum(sure - right for sure, right in one)) for one in bins.values()]
    assert made["ece"] == pytest.approx(sum(gaps) / 400)


def test_strength_is_the_best_of_all_tried():
    random = np.random.default_rng(3)
    prior = np.array([0.7, 0.2, 0.1])
    truth = random.choice(3, 300, p=prior)
    logits = random.normal(0, 1, (300, 3)) + 1.2 * np.eye(3)[truth] + 1.5 * np.log(prior)
    posteriors = special.softmax(logits, axis=1)
    scores = [recall_score(truth, (posteriors / prior**s).argmax(axis=1), average="macro") for s in np.arange(21) / 10]
    found = calibration.fit_strength(np.log(posteriors), truth, 1.0, "train", prior)
    assert found.strength == pytest.approx(np.argmax(scores) / 10) and 0.3 < found.strength < 2
    assert max(scores) > scores[0] + 0.05


# --- agreement and quotes


@pytest.mark.parametrize("seed", range(3))
def test_kappa_is_that_of_scikit_learn(seed):
    _, *answers = (column.tolist() for column in drawn(seed, 80, systems=3, right=0.5))
    pairs = [cohen_kappa_score(*pair) for pair in itertools.combinations(answers, 2)]
    assert agreement(answers[0], answers[1])["kappa"] == pytest.approx(pairs[0])
    made = prompt_stability(answers)
    assert made["kappa"] == pytest.approx(np.mean(pairs))
    assert made["unanimous"] == sum(a == b == c for a, b, c in zip(*answers)) / 80


def distance(first, second):
    """Levenshtein's distance by its recursion."""
    if not first or not second:
        return len(first) + len(second)
    return min(distance(first[1:], second) + 1, distance(first, second[1:]) + 1,
               distance(first[1:], second[1:]) + (first[0] != second[0]))  # fmt: skip


def test_errors_of_quotes_are_counted_by_levenshtein():
    random = np.random.default_rng(4)
    said = {f"u{i}": "".join(random.choice(list("abc"), 5)) for i in range(12)}
    quoted = {utt: "".join(random.choice(list("abc"), random.integers(1, 7))) for utt in said}
    answers = {utt: f"He says: “{words}” Emotion: sad." for utt, words in quoted.items()}
    edits = [distance(said[utt], quoted[utt]) for utt in said]
    made = rationales.quote_accuracy(answers, said)
    assert made["cer"] == pytest.approx(sum(edits) / 60) and made["exact"] == pytest.approx(edits.count(0) / 12)

"""Tests of differences: against scipy, statsmodels, and every swap gone through one by one."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test, sem, ttest_1samp
from sklearn.metrics import balanced_accuracy_score, f1_score
from statsmodels.stats.power import TTestPower

from c2ser.evaluation import significance

LABELS = ("angry", "sad")


def systems(right_first, right_second):
    """Answers of two systems to sad utterances, given as strings of 1 (right) and 0 (wrong)."""
    reference = ["sad"] * len(right_first)
    answers = [["sad" if flag == "1" else "angry" for flag in flags] for flags in (right_first, right_second)]
    return reference, *answers


@pytest.mark.parametrize(
    ("first", "second", "only_first", "only_second"),
    [("1111110000", "1000001000", 5, 1), ("1100", "0011", 2, 2), ("1" * 12, "0" * 12, 12, 0), ("0110", "1001", 2, 2)],
)
def test_mcnemar_is_the_exact_binomial_test(first, second, only_first, only_second):
    found = significance.mcnemar(*systems(first, second))
    expected = binomtest(only_first, only_first + only_second, 0.5).pvalue
    assert found == (only_first, only_second, pytest.approx(expected))


def test_mcnemar_without_discordant_utterances():
    assert significance.mcnemar(*systems("1010", "1010")) == (0, 0, 1.0)


def test_holm_by_hand():
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert significance.holm([0.6, 0.9]) == [1.0, 1.0]
    assert significance.holm([]) == []


def test_equal_systems_do_not_differ():
    reference, first, _ = systems("1101001", "1101001")
    for difference in significance.paired_difference(reference, first, first, LABELS, draws=200).values():
        interval = difference.interval
        assert (interval.value, interval.low, interval.high, difference.p_value) == (0, 0, 0, 1)


def test_pairing_narrows_the_interval_and_finds_the_difference():
    random = np.random.default_rng(0)
    reference = random.choice(LABELS, 400)
    other = np.where(reference == "sad", "angry", "sad")
    worse = np.where(random.random(400) < 0.6, reference, other)
    better = np.where(random.random(400) < 0.15, reference, worse)  # the same answers, a few of them mended
    found = significance.paired_difference(reference, better, worse, LABELS, draws=2000)["wa"]
    true_difference = (better == reference).mean() - (worse == reference).mean()
    assert found.interval.value == pytest.approx(true_difference) and found.interval.low > 0
    assert found.p_value == found.smallest_p == pytest.approx(1 / 2001)
    assert found.interval.high - found.interval.low < 0.06  # unpaired, the two would have ± 0.065
    swapped = significance.paired_difference(reference, worse, better, LABELS, draws=2000)["wa"].interval
    assert (swapped.value, swapped.low, swapped.high) == pytest.approx(
        (-found.interval.value, -found.interval.high, -found.interval.low), abs=0.005
    )


def test_false_alarms_are_as_rare_as_promised():
    random = np.random.default_rng(1)
    alarms = 0
    for trial in range(200):
        reference = random.choice(LABELS, 100)
        first, second = (np.where(random.random(100) < 0.6, reference, random.choice(LABELS, 100)) for _ in range(2))
        found = significance.paired_difference(reference, first, second, LABELS, draws=400, seed=trial)
        alarms += found["ua"].p_value <= 0.05
    assert 0.01 <= alarms / 200 <= 0.10


def spoken(speakers, seed=0, gain=0.0, least=12, most=12):
    """Labels, the answers of two systems that resemble each other, and speakers, each of some utterances."""
    random = np.random.default_rng(seed)
    names = np.repeat([f"s{number}" for number in range(speakers)], random.integers(least, most + 1, speakers))
    reference = random.choice(("angry", "happy", "sad"), len(names))
    answers = []
    for right in (0.5 + gain, 0.5):
        answers.append(np.where(random.random(len(names)) < right, reference, random.choice(("angry", "happy", "sad"), len(names))))
    return reference, *answers, names


@pytest.mark.parametrize("speakers, least, most", [(3, 5, 5), (4, 12, 12), (5, 4, 20), (7, 3, 9)])
@pytest.mark.parametrize("score", ["ua", "macro_f1"])
def test_p_is_that_of_all_swaps_gone_through_one_by_one(speakers, least, most, score):
    """Against scikit-learn's scores of answers that are really swapped, speaker by speaker."""
    measure = {"ua": balanced_accuracy_score, "macro_f1": lambda *two: f1_score(*two, average="macro")}[score]
    reference, first, second, names = spoken(speakers, speakers, 0.2, least, most)
    observed = abs(measure(reference, first) - measure(reference, second))
    as_far = 0
    for chosen in itertools.product([False, True], repeat=speakers):
        swap = np.isin(names, [f"s{number}" for number in range(speakers) if chosen[number]])
        one, other = np.where(swap, second, first), np.where(swap, first, second)
        as_far += abs(measure(reference, one) - measure(reference, other)) >= observed - 1e-9
    found = significance.paired_difference(reference, first, second, ("angry", "happy", "sad"), names)[score]
    assert found.p_value == pytest.approx(as_far / 2**speakers) and found.smallest_p == 2 / 2**speakers


def test_more_than_twenty_speakers_are_swapped_at_random():
    """As often as all swaps would say, which for accuracy are scipy's permutation test of the speakers' differences."""
    reference, first, second, names = spoken(24, 3, 0.08)
    right = [np.array([np.mean((one == reference)[names == name]) for name in np.unique(names)]) for one in (first, second)]
    exact = permutation_test(
        right, lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", n_resamples=100_000, rng=0
    ).pvalue
    found = significance.paired_difference(reference, first, second, ("angry", "happy", "sad"), names, draws=20_000)["wa"]
    assert 0.001 < exact < 0.9 and found.p_value == pytest.approx(exact, abs=0.02) and found.smallest_p == 1 / 20_001


def test_few_speakers_cannot_have_a_small_p():
    """One more right answer for each of four speakers: one of eight ways to swap is as far apart, whatever the size."""
    reference, first, second, names = [], [], [], []
    for speaker in range(4):
        for number in range(40):
            right, wrong = ("angry", "sad") if number % 2 else ("sad", "angry")
            reference.append(right), names.append(str(speaker))
            first.append(right if number < 21 else wrong), second.append(right if number < 20 else wrong)
    found = significance.paired_difference(reference, first, second, LABELS, names)["ua"]
    assert found.p_value == found.smallest_p == 0.125


def test_interval_over_speakers_is_scipys_t_interval_of_their_differences():
    """Of accuracy, with as many utterances of each: the mean of the speakers' differences."""
    reference, first, second, names = spoken(6, 1, 0.1)
    differences = [
        np.mean((first == reference)[names == name]) - np.mean((second == reference)[names == name]) for name in np.unique(names)
    ]
    low, high = ttest_1samp(differences, 0).confidence_interval(0.95)
    found = significance.paired_difference(reference, first, second, ("angry", "happy", "sad"), names)["wa"]
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert found.error == pytest.approx(sem(differences)) and found.freedom == pytest.approx(5)
    assert found.interval.unit == "speaker"


@pytest.mark.parametrize("speakers", [4, 6, 24])
def test_detectable_difference_is_the_power_of_the_t_test(speakers):
    """Against statsmodels; the error's median lies under the truth by what chi-squared's median says."""
    errors = TTestPower().solve_power(nobs=speakers, alpha=0.05, power=0.8) * np.sqrt(speakers)
    typical = np.median(np.random.default_rng(0).normal(size=(200_000, speakers)).std(axis=1, ddof=1))
    found = significance.detectable_difference(0.02, speakers - 1)
    assert found == pytest.approx(0.02 * errors / typical, rel=0.01)
    assert significance.detectable_difference(0.0, 3) == 0

import numpy as np
import pytest
from scipy.stats import binomtest

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
    assert found.p_value == pytest.approx(2 / 2001)
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
        alarms += found["ua"].p_value < 0.05
    assert 0.01 <= alarms / 200 <= 0.10


def test_speakers_are_resampled_whole():
    reference, first, second = systems("1" * 30, "0" * 10 + "1" * 20)
    speakers = np.repeat(["a", "b", "c"], 10)
    found = significance.paired_difference(reference, first, second, LABELS, speakers, draws=1000)["wa"].interval
    assert (found.unit, found.value, found.low, found.high) == ("speaker", pytest.approx(1 / 3), 0.0, 1.0)

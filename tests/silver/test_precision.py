"""Precision, coverage, and thresholds chosen for a precision."""

import itertools
import random

import pytest
from scipy.stats import binomtest

from c2ser.silver.agreement import Opinion, Rule, Thresholds
from c2ser.silver.precision import Judged, choose_rule, cross_fitted, format_measure, kept_labels, measure, wilson

FLOOR = Rule(Thresholds(0.0), Thresholds(0.0))


def agreed(gold, label, speech, text, speaker="s"):
    return Judged(gold, Opinion(label, speech), Opinion(label, text), speaker)


def noisy(count=300, seed=0, speakers=6):
    """Utterances whose label is the likelier right, the more confident both teachers are."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        speech, text = (round(draw.uniform(0.3, 1), 2) for _ in range(2))
        label, other = draw.choice([("happy", "sad"), ("sad", "happy")])
        gold = label if draw.random() < (speech + text) / 2 else other
        made.append(agreed(gold, label, speech, text, f"s{number % speakers}"))
    return made


@pytest.mark.parametrize("right, kept", [(0, 5), (3, 7), (40, 50), (9, 9)])
def test_interval_is_wilsons(right, kept):
    wanted = binomtest(right, kept).proportion_ci(method="wilson")
    assert wilson(right, kept) == pytest.approx((wanted.low, wanted.high), abs=1e-6)


def test_interval_of_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_precision_and_coverage_of_each_class():
    judged = [agreed(gold, "happy", 0.9, 0.9) for gold in ("happy", "happy", "sad", "sad", "sad", "bored")]
    made = measure(judged, ["happy", None, "happy", "sad", None, "sad"])
    picked = {name: {key: row[key] for key in ("gold", "covered", "kept", "right")} for name, row in made.items()}
    assert picked == {
        "happy": {"gold": 2, "covered": 1, "kept": 2, "right": 1},
        "sad": {"gold": 3, "covered": 2, "kept": 2, "right": 1},
        "bored": {"gold": 1, "covered": 1, "kept": 0, "right": 0},
        "all": {"gold": 6, "covered": 4, "kept": 4, "right": 2},
    }
    assert made["sad"]["coverage"] == pytest.approx(2 / 3) and made["sad"]["precision"] == 0.5
    assert made["bored"]["precision"] is None and (made["all"]["low"], made["all"]["high"]) == wilson(2, 4)
    shown = format_measure(made).splitlines()
    assert len(shown) == 5 and shown[3].split() == ["bored", "1", "100.0", "0", "0", "–", "–"]


def best_pair(judged, label, wanted, least):
    """The most utterances of a class that any pair of thresholds keeps with the precision, by trying all."""
    rows = [row for row in judged if row.speech.label == label]
    most = 0
    for speech, text in itertools.product(
        {row.speech.confidence for row in rows}, {row.text.confidence for row in rows}
    ):
        kept = [row for row in rows if row.speech.confidence >= speech and row.text.confidence >= text]
        right = sum(row.gold == label for row in kept)
        if len(kept) >= least and right >= wanted * len(kept):
            most = max(most, len(kept))
    return most


@pytest.mark.parametrize("wanted", [0.6, 0.75, 0.9])
def test_the_chosen_thresholds_keep_most(wanted):
    judged = noisy(120)
    rule = choose_rule(judged, wanted, FLOOR, 5)
    made = measure(judged, kept_labels(judged, rule))
    for label in ("happy", "sad"):
        assert made[label]["kept"] == best_pair(judged, label, wanted, 5)
        assert made[label]["kept"] == 0 or made[label]["precision"] >= wanted
    assert made["all"]["kept"] > 0


def test_equal_confidences_are_kept_or_left_together():
    judged = [agreed("sad", "sad", 0.9, 0.5)] * 6 + [agreed("happy", "sad", 0.9, 0.5)] * 6
    assert choose_rule(judged, 0.9, FLOOR, 1).speech.of("sad") is None
    assert choose_rule(judged, 0.5, FLOOR, 1).speech.of("sad") == 0.9


def test_a_precision_that_is_just_reached_is_reached():
    judged = [agreed("sad", "sad", 0.9, 0.5)] * 55 + [agreed("happy", "sad", 0.9, 0.5)] * 45
    assert 0.55 * 100 > 55 and choose_rule(judged, 0.55, FLOOR, 1).speech.of("sad") == 0.9


def test_a_class_with_too_few_utterances_is_turned_off():
    judged = [agreed("sad", "sad", 0.9, 0.9)] * 4 + [agreed("happy", "happy", 0.9, 0.9)] * 5
    rule = choose_rule(judged, 0.5, FLOOR, 5)
    assert rule.text.of("sad") is None and rule.text.of("happy") == 0.9 and rule.speech.of("fearful") is None


def test_thresholds_that_are_given_are_lower_bounds():
    judged = [agreed("sad", "sad", 0.5, 0.9)] * 9 + [agreed("sad", "sad", 0.8, 0.9)] * 9
    assert choose_rule(judged, 0.5, FLOOR, 5).speech.of("sad") == 0.5
    assert choose_rule(judged, 0.5, Rule(Thresholds(0.6), Thresholds(0.0)), 5).speech.of("sad") == 0.8


@pytest.mark.parametrize("speakers", [6, 2, 1])
def test_no_utterance_takes_part_in_the_choice_of_its_own_thresholds(speakers):
    judged = noisy(90, speakers=speakers)
    labels = cross_fitted(judged, 0.7, FLOOR, 5)
    assert any(labels)
    for number, row in enumerate(judged):
        lie = "angry"  # were its gold label looked at, this would change what it gets
        changed = [*judged[:number], row._replace(gold=lie), *judged[number + 1 :]]
        assert cross_fitted(changed, 0.7, FLOOR, 5)[number] == labels[number]


def test_speakers_are_not_divided():
    """One of four speakers is always judged right, and with most confidence: the others tell nothing of that one."""
    judged = [
        agreed("sad" if number % 4 == 3 else "happy", "sad", 0.5 + number % 4 / 10, 0.9, f"s{number % 4}")
        for number in range(40)
    ]
    rule = choose_rule(judged, 0.9, FLOOR, 3)
    assert rule.speech.of("sad") == pytest.approx(0.8) and sum(map(bool, kept_labels(judged, rule))) == 10
    assert not any(cross_fitted(judged, 0.9, FLOOR, 3))
    alike = [row._replace(speaker="s") for row in judged]
    assert sum(map(bool, cross_fitted(alike, 0.9, FLOOR, 3))) == 10

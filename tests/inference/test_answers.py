"""Answers in free text, of the kinds in which systems give them, with the class that a reader finds in them.

`answers_before.tsv` was written before the parser knew of most of its kinds, `answers_after.tsv` before it was run on them.
`benchmarks/parsing.py` prints the accuracy by kind.
"""

import time
from pathlib import Path

import pytest

from c2ser.emotions import EMOTIONS
from c2ser.evaluation.answers import label_finder
from c2ser.inference.labels import Parsed, parse_label

FOLDER = Path(__file__).parent


def rows(half):
    lines = (FOLDER / f"answers_{half}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.replace("⏎", "\n").split("\t") for line in lines[1:]]


CASES = rows("before") + rows("after")


def test_there_are_enough_of_each_kind_in_both_halves():
    halves = [rows("before"), rows("after")]
    assert all(len(half) >= 170 for half in halves)
    assert {row[0] for row in halves[0]} == {row[0] for row in halves[1]}
    assert {row[1] for row in halves[0]} == {row[1] for row in halves[1]} == set("en zh it pl de fr es ja ko".split())
    assert {row[3] for row in CASES} == {*EMOTIONS, "invalid"}
    assert len({row[2] for row in CASES}) == len(CASES)


@pytest.mark.parametrize(("kind", "language", "answer", "wanted"), CASES)
def test_reads_the_answer_with_its_language_and_without(kind, language, answer, wanted):
    label = None if wanted == "invalid" else wanted
    assert (parse_label(answer, language).label, parse_label(answer).label) == (label, label)


def test_scoring_reads_them_alike():
    find = label_finder(EMOTIONS)
    further = "angry disgusted fearful happy neutral sad surprised".split()
    for _, _, answer, wanted in CASES:
        assert (find(answer).label in further and find(answer).label or "invalid") == wanted, answer


def test_only_the_given_classes_are_read_from_marked_answers():
    assert parse_label('{"emotion": "bored"}', labels=("bored", "sad")) == Parsed("bored", "lead")
    assert parse_label('{"emotion": "bored", "was": "sad"}') == Parsed(None, "none")
    assert parse_label("<answer>exc</answer>", labels=("excited", "sad")) == Parsed("excited", "lead")
    assert parse_label("ang") == Parsed("angry", "text") and parse_label("exc") == Parsed(None, "none")


@pytest.mark.parametrize("denial", ["not {}", "anything but {}", "The speaker doubts, denies or lacks {}", "没有{}", "nie {}"])
@pytest.mark.parametrize("joint", [", {} or {}", ", {}, or {}", " or {}"])
def test_a_denied_list_denies_each_member(denial, joint):
    words = ["anger", "fear", "joy"][: 1 + joint.count("{}")]
    answer = denial.format(words[0] + joint.format(*words[1:]))
    assert parse_label(answer) == Parsed(None, "none")
    assert parse_label(f"{answer}. It is sadness.") == Parsed("sad", "text")


@pytest.mark.parametrize(
    "text",
    ["She is not loud, " + "slow, low, tense, quiet, harsh, " * 40 + "and angry.", "没有明显起伏,缺乏活力,声音低沉," * 60 + "所以是悲伤。"],
)
def test_long_answers_take_no_time(text):
    """Commas are looked at for lists, which must not take a time that grows with all the ways to part them."""
    start = time.process_time()
    assert parse_label(text).label in ("angry", "sad")
    assert time.process_time() - start < 5


def test_a_class_that_is_denied_elsewhere_is_not_the_answer():
    assert parse_label("Happy people speak fast; this speaker is not happy.") == Parsed(None, "none")
    assert parse_label("Happy people speak fast; this speaker is not happy. She is sad.").label == "sad"

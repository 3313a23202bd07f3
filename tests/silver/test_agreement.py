"""The rule of agreement, case by case."""

import pytest

from c2ser.errors import InputError
from c2ser.silver.agreement import REASONS, Opinion, Rule, Thresholds, make_silver, read_teacher

RULE = Rule(Thresholds(0.8, {"sad": 0.6}), Thresholds(0.5, {"angry": None}))


@pytest.mark.parametrize(
    "speech, text, reason",
    [
        (("happy", 0.9), ("happy", 0.6), None),
        (("happy", 0.8), ("happy", 0.5), None),
        (("sad", 0.6), ("sad", 0.5), None),
        (None, ("happy", 0.6), "no audio"),
        (("happy", 0.9), None, "no text"),
        (("happy", 0.9), ("sad", 0.9), "disagree"),
        (("angry", 0.99), ("angry", 0.99), "class off"),
        (("happy", 0.79), ("happy", 0.1), "speech below"),
        (("sad", 0.59), ("sad", 0.9), "speech below"),
        (("happy", 0.8), ("happy", 0.49), "text below"),
    ],
)
def test_each_reason(speech, text, reason):
    assert RULE.reason(speech and Opinion(*speech), text and Opinion(*text)) == reason


def test_every_utterance_is_labelled_or_left_out():
    speech = {"a": Opinion("happy", 0.9), "b": Opinion("sad", 0.7), "c": Opinion("sad", 0.7), "g": Opinion("sad", 0.9)}
    text = {"a": Opinion("happy", 0.9), "b": Opinion("happy", 0.7), "g": Opinion("sad", 0.9), "x": Opinion("sad", 1.0)}
    silver = make_silver(["a", "b", "c", "d", "g"], {"g": "angry"}, speech, text, RULE)
    assert silver.labels == {"a": "happy"} and silver.opinions == {"a": (speech["a"], text["a"])}
    assert silver.left_out == {"g": "gold label", "b": "disagree", "c": "no text", "d": "no audio"}
    kept, reasons = silver.counts()
    assert kept == {"happy": 1} and list(reasons) == list(REASONS) and sum(reasons.values()) == 4


def test_teachers_of_another_set_are_refused():
    here = {"a": Opinion("happy", 0.9)}
    with pytest.raises(InputError, match=r"--speech: posteriors of none of the unlabelled utterances \(b, c\)"):
        make_silver(["a", "b", "c"], {"a": "sad"}, here, here, RULE)
    with pytest.raises(InputError, match="--text: posteriors of none"):
        make_silver(["a"], {}, here, {}, RULE)
    with pytest.raises(InputError, match="every utterance has a gold label"):
        make_silver(["a"], {"a": "sad"}, here, here, RULE)


def test_thresholds_are_read():
    read = Thresholds.parse("0.8 fearful=0.6 sad=1")
    assert (read.of("fearful"), read.of("sad"), read.of("happy")) == (0.6, 1.0, 0.8)
    assert Thresholds.parse("fearful=0.6 0.8") == Thresholds(0.8, {"fearful": 0.6})


@pytest.mark.parametrize(
    "text, fault",
    [
        ("", "no number for the classes that are not named"),
        ("sad=0.5", "no number for the classes that are not named"),
        ("0.5 0.6", "two numbers without a class"),
        ("0.5 sad=0.1 sad=0.2", "unknown or repeated class 'sad'"),
        ("0.5 anger=0.1", "unknown or repeated class 'anger'"),
        ("high", "'high' is not a number from 0 to 1"),
        ("1.2", "'1.2' is not a number from 0 to 1"),
        ("nan", "'nan' is not a number from 0 to 1"),
    ],
)
def test_thresholds_of_another_form_are_refused(text, fault):
    with pytest.raises(InputError, match=f"--speech_threshold {text!r}: {fault}"):
        Thresholds.parse(text, "--speech_threshold")


def test_a_teacher_may_have_several_folders(teacher):
    first = teacher("one", {"a": ("happy", 0.9), "b": ("sad", 0.5)})
    second = teacher("two", {"b": ("sad", 0.5), "c": ("angry", 0.7)})
    assert read_teacher([first, second]) == {
        "a": Opinion("happy", 0.9), "b": Opinion("sad", 0.5), "c": Opinion("angry", 0.7)
    }  # fmt: skip
    with pytest.raises(InputError, match="three/posteriors: b: another folder says something else"):
        read_teacher([first, teacher("three", {"b": ("sad", 0.6)})])
    with pytest.raises(InputError, match="four/labels: happy, sad; in .*one they are angry, happy, sad"):
        read_teacher([first, teacher("four", {"d": ("sad", 0.6)}, ("happy", "sad"))])
    with pytest.raises(InputError, match="nowhere: no posteriors and labels"):
        read_teacher([first.parent / "nowhere"])

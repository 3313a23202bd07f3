"""The classes, their spellings and their names."""

import math

import numpy as np
import pytest

from c2ser.emotions import ALIASES, EMOTIONS, FURTHER_EMOTIONS, NAMES, canonical, is_known, name
from c2ser.errors import InputError


def test_the_seven_classes_of_the_paper():
    assert EMOTIONS == ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
    assert list(EMOTIONS) == sorted(EMOTIONS) and not set(EMOTIONS) & set(FURTHER_EMOTIONS)


def test_spellings_of_corpora():
    spellings = {
        "Anger": "angry", "ang": "angry", "JOY": "happy", " happiness ": "happy", "Neutral": "neutral",
        "fear": "fearful", "sadness": "sad", "Surprise": "surprised", "disgust": "disgusted", "xxx": "unknown",
    }  # fmt: skip
    assert {spelling: canonical(spelling) for spelling in spellings} == spellings


def test_no_spelling_means_two_classes_and_every_class_has_one():
    everything = [alias for aliases in ALIASES.values() for alias in aliases]
    assert len(everything) == len(set(everything)) and all(alias == alias.lower() for alias in everything)
    assert set(ALIASES) == {*EMOTIONS, *FURTHER_EMOTIONS}
    assert all(canonical(label) == label for label in ALIASES)


def test_an_unknown_label_is_named():
    with pytest.raises(InputError, match="unknown emotion label 'angst'; known are .*anger"):
        canonical("angst")
    assert is_known("sad") and is_known("bored") and not is_known("Anger") and not is_known("angst")


def test_names_in_each_language():
    assert name("sad", "zh") == "悲伤" and name("angry", "pl") == "złość" and name("happy", "en") == "happy"
    assert name("happy", "xx") == "happy" and name("bored", "zh") == "bored"
    for names in NAMES.values():
        assert set(names) == set(EMOTIONS) and len(set(names.values())) == 7


@pytest.mark.parametrize("cell", [math.nan, 3, None, np.float64("nan"), b"happy", ["happy"]])
def test_a_cell_that_is_no_text_says_what_to_do(cell):
    """As pandas gives the empty cells and the codes of a table."""
    with pytest.raises(InputError, match=r"emotion label .* is no text: .* write .* happy, or unknown where there is none"):
        canonical(cell)

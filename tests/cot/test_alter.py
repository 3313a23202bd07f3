"""Rationales that state other levels: word for word, and read back in every language."""

import pytest

from c2ser.cot import templates
from c2ser.cot.alter import CHANGES, alter, altered, partners, swapped
from c2ser.cot.check import parse_style_levels
from c2ser.cot.rationale import build_rationale

STYLE = {"speed": "low", "pitch": "high", "volume": "low", "intonation": "rising"}
TEXT = (
    "The speaker talks slowly, in a high-pitched voice and at a medium volume, saying: “so slowly, at a high volume”. This mixed "
    "delivery shows how the speaker feels. Emotion: sad."
)


@pytest.mark.parametrize(
    "change, wanted",
    [
        (lambda measure, level: level, "talks slowly, in a high-pitched voice and at a medium volume, saying"),
        ({"speed": "high", "pitch": "low", "volume": "medium"}, "talks quickly, in a low-pitched voice and at a medium volume, saying"),
        ({"speed": None, "pitch": "high", "volume": "medium"}, "talks in a high-pitched voice and at a medium volume, saying"),
        ({"speed": "low", "pitch": None, "volume": "medium"}, "talks slowly and at a medium volume, saying"),
        ({"speed": "low", "pitch": "high", "volume": None}, "talks slowly, in a high-pitched voice, saying"),
        ({"speed": None, "pitch": None, "volume": None}, "talks, saying"),
    ],
)  # fmt: skip
def test_word_for_word(change, wanted):
    rule = change if callable(change) else lambda measure, level: change[measure]
    made, found = alter(TEXT, "en", rule)
    assert made == TEXT.replace("talks slowly, in a high-pitched voice and at a medium volume, saying", wanted) and found == 3


@pytest.mark.parametrize("language", templates.languages())
def test_all_changes_are_read_back(language):
    for number in range(8):
        text = build_rationale(f"u{number}", STYLE, "nie 不 no", "sad", language)
        others = {"speed": "medium", "pitch": "high", "volume": "high", "pauses": "low"}
        made = {change: altered(f"u{number}", text, language, change, others) for change in CHANGES}
        assert {change: found for change, (_, found) in made.items()} == dict.fromkeys(CHANGES, 4)
        assert parse_style_levels(made["swapped"][0], language) == {"speed": "high", "pitch": "low", "volume": "high", "intonation": "falling"}
        wanted = {"speed": "medium", "pitch": "high", "volume": "high", "intonation": "rising"}  # of which it speaks itself
        assert parse_style_levels(made["shuffled"][0], language) == wanted
        assert parse_style_levels(made["removed"][0], language) == {} and "\0" not in made["removed"][0]
        for changed, _ in made.values():
            assert "nie 不 no" in changed and changed.endswith(templates.load(language).implicit_answer("sad"))
            assert "  " not in changed and " ," not in changed


def test_medium_is_swapped_either_way_but_always_the_same():
    found = [swapped(f"u{number}", "speed", "medium") for number in range(100)]
    assert 30 < found.count("low") < 70 and set(found) == {"low", "high"}
    assert found == [swapped(f"u{number}", "speed", "medium") for number in range(100)]


def test_partners_are_others_and_each_serves_once():
    names = [f"u{number}" for number in range(50)]
    made = partners(names, 3)
    assert set(made) == set(made.values()) == set(names) and all(one != other for one, other in made.items())
    assert made == partners(names[::-1], 3) != partners(names, 4)

"""Transcripts inside quotation marks, and out of them again."""

import pytest

from c2ser.cot import templates
from c2ser.cot.quote import clean_transcript, comparable, quote, split_quoted


@pytest.mark.parametrize(
    "transcript, clean",
    [
        ("  I  know\tit ", "I know it"),
        ('She said "no"', "She said 'no'"),
        ("他说“不”「好」", "他说‘不’‘好’"),
        ("„tak” «sì»", "‘tak’ ‘sì’"),
        ("don't", "don't"),
        ("", ""), ("...", ""), ("？！", ""), ("  ", ""),
    ],
)  # fmt: skip
def test_clean_transcript(transcript, clean):
    assert clean_transcript(transcript) == clean == clean_transcript(clean)


@pytest.mark.parametrize(
    "language, words, quoted",
    [
        ("en", "Come here", "“Come here”."), ("en", "Really?", "“Really?”"), ("it", "S'è visto...", "«S'è visto...»"),
        ("pl", "nie", "„nie”."), ("zh", "就是下雨也去。", "“就是下雨也去。”"), ("zh", "好", "“好”。"),
    ],
)  # fmt: skip
def test_quote(language, words, quoted):
    assert quote(words, templates.load(language)) == quoted


@pytest.mark.parametrize(
    "text, outside, inside",
    [
        ("He says: “no”. Sad.", "He says:  . Sad.", "no"),
        ("A „b” c «d» e", "A   e", "b” c «d"),
        ('A "b" c', "A   c", "b"),
        ("说：“好。”情绪", "说： 情绪", "好。"),
        ("nothing", "nothing", ""),
        ("open “only", "open “only", ""),
    ],
)
def test_split_quoted(text, outside, inside):
    assert split_quoted(text) == (outside, inside)


def test_comparable():
    assert comparable("L'ÉTÉ, n. 1!") == comparable("lété n1") == "létén1"
    assert comparable("Ｏｋ，好。") == "ok好"

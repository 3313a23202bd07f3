"""What a language model is asked when it rewrites a rationale."""

import pytest

from c2ser.cot import templates
from c2ser.cot.check import detect_language, rewriting_faults
from c2ser.cot.rationale import build_rationale
from c2ser.cot.rewrite_prompts import instructions, rewrite_prompt, style_phrases
from c2ser.errors import InputError

STYLE = {"speed": "low", "pitch": "high", "volume": "medium"}
TRANSCRIPTS = {"en": "I can't believe it!", "it": "Gli operai si alzano presto", "pl": "nie", "zh": "就是下雨也去。"}


@pytest.mark.parametrize("language", templates.languages())
def test_every_language_has_instructions_in_its_own_words(language):
    said = instructions(language)
    rules = [said.task, said.keep, said.quote, said.no_quote, said.end, said.form]
    assert detect_language(templates.load(language).SPACE.join(rules)) == language
    assert "{phrases}" in said.keep and "{verdict}" in said.end


@pytest.mark.parametrize("language", templates.languages())
def test_the_prompt_holds_what_must_stay(language):
    template, words = templates.load(language), TRANSCRIPTS.get(language, "xyzzy")
    for number in range(8):
        text = build_rationale(f"u{number}", STYLE, words, "sad", language)
        made = rewrite_prompt(text, "sad", language)
        before, _, after = made.partition(text)
        assert made.endswith(text) and after == ""
        phrases = style_phrases(text, template)
        assert len(phrases) == 3 and all(phrase in before for phrase in phrases)
        assert template.verdict(template.emotion_name("sad")) in before
        assert instructions(language).quote in before and instructions(language).no_quote not in before


@pytest.mark.parametrize("language", templates.languages())
def test_without_words_and_style_nothing_is_asked_of_them(language):
    text = build_rationale("u", {}, "...", "sad", language)
    made = rewrite_prompt(text, "sad", language)
    assert instructions(language).no_quote in made and instructions(language).quote not in made
    assert instructions(language).keep.partition("{phrases}")[0] not in made
    assert "1. " in made and "3. " in made and "4. " not in made


def test_phrases_of_the_quote_are_not_those_of_the_style():
    text = build_rationale("u", {"speed": "high"}, "Speak slowly, at a loud volume", "sad", "en")
    assert style_phrases(text, templates.load("en")) in (["quickly"], ["at a fast pace"])


@pytest.mark.parametrize("language", templates.languages())
def test_no_template_speaks_of_rewriting(language):
    for number in range(40):
        for style, words in ((STYLE, TRANSCRIPTS.get(language, "xyzzy")), (STYLE, ""), ({}, "")):
            text = build_rationale(f"u{number}", style, words, "happy", language)
            assert set(rewriting_faults(text, text, style, words, "happy", language)) == {"unchanged"}


def test_a_language_without_instructions_is_named(monkeypatch):
    monkeypatch.setattr(templates.load("pl"), "REWRITING", None)
    with pytest.raises(InputError, match="no instructions for rewriting in language 'pl'; there are en, it, zh"):
        rewrite_prompt("Emocja: smutek.", "sad", "pl")

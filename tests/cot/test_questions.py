"""Questions of style: what is asked and answered in every language, and what a model is told."""

import pytest

from c2ser.cot import templates
from c2ser.cot.check import parse_style_levels
from c2ser.cot.prompts import MODES, prompt
from c2ser.cot.questions import ANSWERED, ASKED, QUESTIONS, answer, check_questions, levels_of, told, told_ids, true_level
from c2ser.errors import InputError

LANGUAGES = templates.languages()


def test_which_questions():
    assert ASKED == ("speed", "pitch", "volume", "lively", "words")
    assert QUESTIONS == ("speed", "pitch", "volume", "range", "intonation", "articulation", "pauses", "lively", "words")
    for questions in ((), ("speed", "speed"), ("tempo",)):
        with pytest.raises(InputError, match="questions: "):
            check_questions(questions)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_asks_each_in_words_of_its_own(language):
    asked = [prompt(mode, language) for mode in (*MODES, *QUESTIONS)]
    assert len(set(asked)) == len(asked) and all(text[-1] in "?？" for text in asked[2:])
    for question in ANSWERED:
        answers = {level: answer(question, level, language) for level in levels_of(question)}
        assert len(set(answers.values())) == len(levels_of(question)) >= 3
        if question != "lively":  # read back as a rationale's would be
            assert all(parse_style_levels(text, language) == {question: level} for level, text in answers.items())
        assert not any(cue.search(prompt(question, language)) for cue in templates.load(language).EMOTION_STEMS.values())


def test_as_written():
    assert prompt("pitch", "en") == "How high is the speaker's voice?" and answer("pitch", "high", "en") == "in a high-pitched voice."
    assert prompt("lively", "zh") == "表达方式有多生动？" and answer("lively", "low", "zh") == "克制。"
    style = {"speed": "low", "pitch": "unknown", "volume": "high", "intonation": "both"}
    assert told(style, "it") == "Misurato: lentamente, ad alto volume, con intonazione che sale e scende."
    assert told({"speed": "unknown"}, "en") == ""


@pytest.mark.parametrize(
    "style, question, level",
    [
        ({"speed": "low", "pitch": "low", "volume": "high"}, "lively", "low"), ({"speed": "low", "pitch": "high"}, "lively", "mixed"),
        ({"speed": "unknown"}, "lively", None), ({"speed": "unknown"}, "speed", None), ({"speed": "low"}, "pitch", None),
        ({"intonation": "rising"}, "intonation", "rising"), ({"pauses": "high", "speed": "medium"}, "lively", "medium"),
    ],
)  # fmt: skip
def test_true_levels_by_hand(style, question, level):
    assert true_level(question, style) == level


def test_nothing_is_told_of_nothing():
    def tokenizer(text, add_special_tokens):
        return {"input_ids": list(map(ord, text))}

    assert told_ids(tokenizer, {"speed": "unknown"}, "en") == [-1]
    assert bytes(told_ids(tokenizer, {"speed": "low"}, "en")).decode() == "Measured: slowly."

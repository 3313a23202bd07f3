"""What rationales state of style and words, on hand-made answers."""

import pytest

from c2ser.evaluation.rationales import language_of, quote_accuracy, style_accuracy

STYLE = {"speed": "low", "pitch": "medium", "volume": "high"}


def test_stated_levels_against_measured_ones():
    answers = {
        "a": "The speaker talks slowly, with an average pitch and at a loud volume, saying: “Go.” Emotion: sad.",
        "b": "The speaker talks quickly, with an average pitch. Emotion: sad.",
        "c": "The speaker talks slowly and quickly. Emotion: sad.",
        "d": "The speaker talks slowly, saying: “Speak quickly, at a loud volume.” Emotion: sad.",
    }
    styles = {"a": STYLE, "b": STYLE, "c": STYLE, "d": {"speed": "unknown", "pitch": "unknown", "volume": "low"}}
    made = style_accuracy(answers, styles, ["en"])
    # speed: a right, b wrong, c says two levels, d unknown but stated
    assert made["speed"] == {
        "known": 3, "stated": 2, "right": 1, "accuracy": 1 / 3, "accuracy_stated": 1 / 2, "invented": 1
    }  # fmt: skip
    assert made["pitch"] == {
        "known": 3, "stated": 2, "right": 2, "accuracy": 2 / 3, "accuracy_stated": 1.0, "invented": 0
    }  # fmt: skip
    # volume: a right; b, c and d, whose level stands in its quote, say nothing
    assert made["volume"] == {
        "known": 4, "stated": 1, "right": 1, "accuracy": 1 / 4, "accuracy_stated": 1.0, "invented": 0
    }  # fmt: skip


def test_nothing_measured_or_stated():
    unknown = dict.fromkeys(STYLE, "unknown")
    made = style_accuracy({"a": "Emotion: sad."}, {"a": unknown}, ["en"])["speed"]
    assert made["accuracy"] is made["accuracy_stated"] is None and made["invented"] == 0
    made = style_accuracy({"a": "Emotion: sad."}, {"a": STYLE}, ["en"])["speed"]
    assert made["accuracy"] == 0 and made["accuracy_stated"] is None


def test_each_rationale_is_read_in_its_language():
    answers = {"a": "说话者语速缓慢，说道：“走。”情绪：悲伤。", "b": "The speaker is talking slowly. Emotion: sad."}
    made = style_accuracy(answers, {"a": STYLE, "b": STYLE}, ["en", "zh"])["speed"]
    assert made["right"] == 2
    assert style_accuracy(answers, {"a": STYLE, "b": STYLE}, ["en"])["speed"]["right"] == 1
    assert language_of("123", ["zh", "en"]) == "zh" and language_of("说话者语速缓慢", ["en"]) == "en"
    assert language_of("The voice is that of a child.", ["zh", "en"]) == "en"


def test_quotes_are_compared_by_letters():
    answers = {
        "a": "He says: “GO home!” Emotion: sad.",
        "b": "He says: “Go hom.” Emotion: sad.",
        "c": "He speaks slowly. Emotion: sad.",
        "d": "He speaks slowly. Emotion: sad.",
        "e": "He says: “Oh.” Emotion: sad.",
    }
    made = quote_accuracy(answers, {"a": "Go, home", "b": "go home", "c": "Go", "d": "...", "e": "…"})
    # edits 0 + 1 + 2 (all of it) over 6 + 6 + 2 letters
    assert made == {
        "utterances": 3, "cer": pytest.approx(3 / 14), "exact": pytest.approx(1 / 3), "missing": 1, "without_words": 2,
        "invented": 1,
    }  # fmt: skip


def test_an_endless_quote_costs_more_than_everything():
    made = quote_accuracy({"a": "“ab ab ab ab”"}, {"a": "ab"})
    assert made["cer"] == 3.0 and made["exact"] == 0


def test_no_words_anywhere():
    made = quote_accuracy({"a": "Emotion: sad."}, {"a": ""})
    assert (made["utterances"], made["cer"], made["exact"], made["without_words"]) == (0, None, None, 1)

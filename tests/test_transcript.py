"""What of transcripts is words: tags as corpora write them, and all that counts or quotes words."""

import math

import pytest

from c2ser.cot.check import check_rationale
from c2ser.cot.quote import clean_transcript
from c2ser.cot.rationale import build_rationale
from c2ser.evaluation.rationales import quote_accuracy
from c2ser.models.language_model import transcript_ids
from c2ser.prosody.rate import count_phonemes, speaking_rate
from c2ser.transcript import spoken

STYLE = {"speed": "low", "pitch": "medium", "volume": "high"}

NO_WORDS = (
    "[LAUGHTER]", "[noise]", "<unk>", "<laugh>", "</laugh>", "(laughs)", "{breath}", "【笑】", "［笑］", "（大笑）", "＜unk＞",
    "&lt;noise&gt;", "&amp;lt;noise&amp;gt;", "[BLANK_AUDIO]", "<|HAPPY|><|Speech|>", "*sighs*", "((unintelligible))", "(?)",
    "(0.5)", "[[breath] noise]", "&=laughs", "++NOISE++", "!SIL", "(clears throat)", "(sospira)", "(śmiech)", "〔听不清〕",
    "[Joey and Ross make impressed faces]", "...", "", "[] <unk> …",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_WORDS)
def test_tags_alone_are_no_transcript(text):
    assert spoken(text) == clean_transcript(text) == ""
    assert count_phonemes(text, "en") == count_phonemes(text, "zh") == count_phonemes(text, "de") == 0
    assert math.isnan(speaking_rate(text, "it", 1.0))
    said = build_rationale("u", STYLE, text, "sad", "en")
    assert said == build_rationale("u", STYLE, "", "sad", "en") and not check_rationale(said, STYLE, text, "sad", "en")


@pytest.mark.parametrize(
    "text, words",
    [
        ("[LAUGHTER] Oh.", "Oh."), ("<laugh> 是的", "是的"), ("<laugh>yes</laugh>", "yes"), ("So[noise]what", "So what"),
        ("[laughter-yeah] ok", "yeah ok"), ("a {breath} b", "a b"), ("（笑）好", "好"), ("(laughs softly) no", "no"),
        ("Oh Ross, you're so great. [she playfully rubs his head and gets up]", "Oh Ross, you're so great."),
        # words that are said
        ("I (really) mean it", "I (really) mean it"), ("《红楼梦》好看", "《红楼梦》好看"), ("**very** good", "**very** good"),
        ("3 < 5 and 7 > 2", "3 < 5 and 7 > 2"), ("I <3 you", "I <3 you"), ("AT&T; R&D", "AT&T; R&D"), ("「好」", "「好」"),
        ("[open", "[open"), ("it&#39;s", "it's"), ("ＯＫ１２，好", "OK12，好"), ("Ｉ＇ｍ", "I'm"),
    ],
)  # fmt: skip
def test_words_stay(text, words):
    assert spoken(text) == words == spoken(words)


@pytest.mark.parametrize(
    "text, language, phonemes",  # o · sh i d e · s i · ok as letters of the English dictionary: o k ei
    [("[LAUGHTER] Oh.", "en", 1), ("<laugh> 是的", "zh", 4), ("{respiro} Sì", "it", 2), ("Ｏｋ", "en", 3), ("ＯＫ 好", "zh", 5),
     ("ｃｉａｏ（笑）", "it", 3), ("<unk> Ａｂｃ", "de", 3), ("１", "en", 3)],
)  # fmt: skip
def test_phonemes_are_those_of_the_words(text, language, phonemes):
    assert count_phonemes(text, language) == phonemes


def test_a_rationale_quotes_the_words_alone():
    said = build_rationale("u", STYLE, "[LAUGHTER] Oh.", "happy", "en")
    assert "“Oh.”" in said and "LAUGHTER" not in said
    assert not check_rationale(said, STYLE, "[LAUGHTER] Oh.", "happy", "en")
    assert check_rationale(said.replace("Oh.", "LAUGHTER"), STYLE, "[LAUGHTER] Oh.", "happy", "en")


def test_the_quote_is_compared_by_words():
    answers = {"a": "She says “Oh.” Emotion: sad.", "b": "She says “[LAUGHTER] Oh.” Emotion: sad.", "c": "“[noise]” sad."}
    found = quote_accuracy(answers, {"a": "[LAUGHTER] Oh.", "b": "Oh.", "c": "[noise]"})
    assert (found["cer"], found["exact"], found["without_words"], found["invented"]) == (0, 1, 1, 1)


def test_a_system_that_reads_is_given_the_words():
    def tokenizer(text, add_special_tokens):
        return {"input_ids": list(text)}

    assert transcript_ids(tokenizer, "[LAUGHTER] Oh.") == list("Oh.")

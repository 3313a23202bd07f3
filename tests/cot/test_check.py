"""Checks: sound rationales pass in every wording, and each kind of fault is found."""

import itertools

import pytest

from c2ser.cot import templates
from c2ser.cot.check import check_rationale, detect_language, parse_style_levels, rewriting_faults
from c2ser.cot.quote import clean_transcript
from c2ser.cot.rationale import build_rationale, render
from c2ser.emotions import EMOTIONS

MEASURES = ("speed", "pitch", "volume")
LEVELS = ("low", "medium", "high")
TRANSCRIPTS = {"en": "I can't believe it!", "it": "Gli operai si alzano presto", "pl": "nie", "zh": "就是下雨也去。"}
STYLE = {"speed": "low", "pitch": "high", "volume": "medium"}


def wordings(template, slots):
    """Every `pick` function for the options of some slots; the others take their first."""
    for choice in itertools.product(range(4), repeat=len(slots)):
        chosen = dict(zip(slots, choice))
        yield lambda slot, options: options[chosen.get(slot, 0) % len(options)]


@pytest.mark.parametrize("language", templates.languages())
def test_every_level_in_every_wording_is_read_back(language):
    template, words = templates.load(language), clean_transcript(TRANSCRIPTS.get(language, "xyzzy"))
    for number, levels in enumerate(itertools.product((*LEVELS, "unknown"), repeat=3)):
        style = dict(zip(MEASURES, levels))
        known = {measure: level for measure, level in style.items() if level != "unknown"}
        emotion = EMOTIONS[number % 7]
        for spoken in (words, ""):
            for phrase, sentence in itertools.product(range(2), range(4)):
                text = render(
                    template, style, spoken, template.emotion_name(emotion),
                    lambda slot, options: options[(phrase if slot in style else sentence) % len(options)],
                )  # fmt: skip
                assert parse_style_levels(text, language) == known
                assert check_rationale(text, style, spoken, emotion, language) == []


@pytest.mark.parametrize("language", templates.languages())
def test_all_measures_together_are_read_back(language):
    """Every level of every measure beside those of the others, in both of its phrases."""
    template, levels = templates.load(language), {measure: list(phrases) for measure, phrases in templates.load(language).STYLE.items()}
    assert list(levels) == ["speed", "pitch", "volume", "range", "intonation", "articulation", "pauses"]
    for number, phrase in itertools.product(range(4), range(2)):
        style = {measure: found[(number + place) % len(found)] for place, (measure, found) in enumerate(levels.items())}
        text = render(template, style, "xyzzy", template.emotion_name("sad"), lambda slot, options: options[phrase % len(options)])
        assert parse_style_levels(text, language) == style, text
        assert check_rationale(text, style, "xyzzy", "sad", language) == []
        wrong = style | {"pauses": next(level for level in levels["pauses"] if level != style["pauses"])}
        assert len(check_rationale(text, wrong, "xyzzy", "sad", language)) == 1


@pytest.mark.parametrize("language", templates.languages())
def test_every_pair_of_opening_and_inference_is_sound(language):
    template, words = templates.load(language), TRANSCRIPTS.get(language, "xyzzy")
    name = template.emotion_name("neutral")
    for style, spoken in itertools.product((STYLE, {}), (words, "")):
        texts = set()
        for pick in wordings(template, ("opening", "inference", "delivery")):
            texts.add(render(template, style, clean_transcript(spoken), name, pick))
        assert all(check_rationale(text, style, spoken, "neutral", language) == [] for text in texts)
        assert len(texts) >= (1 if not style and not spoken else 16)


@pytest.mark.parametrize("language", templates.languages())
def test_a_transcript_of_another_language_changes_nothing(language):
    for other, transcript in TRANSCRIPTS.items():
        for number in range(10):
            text = build_rationale(f"u{number}", STYLE, transcript, "happy", language)
            assert detect_language(text) == language, (other, text)
            assert check_rationale(text, STYLE, transcript, "happy", language) == []


GOOD = (
    "Speaking slowly, with a high pitch and at a medium volume, the person says: “Come here”. "
    "The words show how the speaker feels. Emotion: happy."
)


@pytest.mark.parametrize(
    "old, new, fault",
    [
        ("Emotion: happy.", "Emotion: sad.", "does not end with the verdict 'Emotion: happy.'"),
        ("Emotion: happy.", "Emotion: happy", "does not end with the verdict"),
        ("Emotion: happy.", "The speaker is happy.", "has 'Emotion:' 0 times"),
        ("The words", "Emotion: happy. The words", "has 'Emotion:' 2 times"),
        ("The words show", "The surprised words show", "mentions another emotion, surprised: 'surpris'"),
        ("The words show", "The words, sad as they are, show", "mentions another emotion, sad: 'sad'"),
        ("slowly", "quickly", "speed should be low, the text says high"),
        ("slowly, with", "with", "speed should be low, the text says no one level"),
        ("slowly", "slowly and quickly", "speed should be low, the text says no one level"),
        ("a high pitch", "an average pitch", "pitch should be high, the text says medium"),
        ("medium volume", "loud volume", "volume should be medium, the text says high"),
        ("“Come here”", "“Come there”", "does not quote the transcript"),
        (": “Come here”.", " something.", "does not quote the transcript"),
        (GOOD.removesuffix(" Emotion: happy."), "La persona parla e dice: “Come here”.", "is written in it, not in en"),
    ],
)  # fmt: skip
def test_each_fault_is_found(old, new, fault):
    assert check_rationale(GOOD, STYLE, "Come here!", "happy", "en") == []
    assert old in GOOD
    faults = check_rationale(GOOD.replace(old, new), STYLE, "Come here!", "happy", "en")
    assert any(fault in found for found in faults), faults


def test_a_level_that_is_not_known_must_not_be_stated():
    faults = check_rationale(GOOD, {**STYLE, "pitch": "unknown"}, "Come here", "happy", "en")
    assert faults == ["pitch is not known, but the text states it"]


def test_words_that_were_not_spoken_must_not_be_quoted():
    assert check_rationale(GOOD, STYLE, "...", "happy", "en") == [
        "quotes words that the transcript does not have: 'Come here'"
    ]


def test_words_of_the_quote_are_no_statements():
    quoted = GOOD.replace("Come here", "so loud and fast, I am sad. Emotion: sad.")
    assert check_rationale(quoted, STYLE, "So loud and fast, I am sad. Emotion: sad.", "happy", "en") == []
    assert parse_style_levels(quoted, "en") == STYLE


def test_a_mention_of_the_right_emotion_is_no_fault():
    assert check_rationale(GOOD.replace("The words", "The joyful words"), STYLE, "Come here", "happy", "en") == []


@pytest.mark.parametrize(
    "language, text, levels",
    [
        ("zh", "说话者以缓慢的速度、高昂的语调和中等音量的声音说道：“好。”推测情绪为快乐。", STYLE),
        ("en", "She spoke rapidly in a deep voice, very loudly.", {"speed": "high", "pitch": "low", "volume": "high"}),
        ("en", "A moderate pace, a normal tone and a quiet, unhurried manner.", {"pitch": "medium", "volume": "low"}),
        ("it", "Parla con voce profonda e sottovoce.", {"pitch": "low", "volume": "low"}),
        ("pl", "Mówi wolno i podniesionym głosem.", {"speed": "low", "volume": "high"}),
        ("en", "Nothing is said of it.", {}),
    ],
)
def test_other_wordings_are_understood(language, text, levels):
    assert parse_style_levels(text, language) == levels


REWRITTEN = (
    "At a medium volume and a high pitch, someone slowly says “Come here!” – the wording and this calm manner give a "
    "hint of what is felt. Emotion: happy."
)


def test_a_sound_rewriting_passes():
    assert rewriting_faults(REWRITTEN, GOOD, STYLE, "Come here!", "happy", "en") == {}


@pytest.mark.parametrize(
    "old, new, kind, fault",
    [
        ("Emotion: happy.", "Emotion: sad.", "verdict", "does not end with the verdict"),
        ("Emotion: happy.", "Emotion: Happy.", "verdict", "does not end with the verdict"),
        ("this calm manner", "this joyful manner", "verdict", "names the emotion before the verdict: 'joy'"),
        ("this calm manner", "this sad manner", "verdict", "mentions another emotion, sad"),
        ("slowly", "quickly", "style", "speed should be low, the text says high"),
        ("Come here!", "Come", "quote", "does not quote the transcript"),
        ("Come here!", "Come here, my friend!", "quote", "quotes more than the transcript: 'Come here, my friend!'"),
        ("give a hint", "“give” a hint", "quote", "quotes more than the transcript"),
        ("At a medium", "**At** a medium", "form", "holds formatting: '*'"),
        ("At a medium", "1. At a medium", "form", "holds formatting: '1.'"),
        ("felt.", "felt\ufffd.", "form", "holds the character U+FFFD"),
        ("felt.", "felt. " + "And so on and on it goes. " * 12, "form", "more than"),
        ("At a medium", "Here is the text: at a medium", "comment", "speaks of the rewriting: 'Here is'"),
        ("At a medium", "Sure! At a medium", "comment", "speaks of the rewriting: 'Sure'"),
        (REWRITTEN, GOOD.replace(": “", " “"), "unchanged", "is the template's text"),
        (REWRITTEN.removesuffix(" Emotion: happy."), "Parla e dice: “Come here!”.", "language", "is written in it"),
    ],
)  # fmt: skip
def test_each_fault_of_a_rewriting_is_found(old, new, kind, fault):
    assert old in REWRITTEN
    faults = rewriting_faults(REWRITTEN.replace(old, new), GOOD, STYLE, "Come here!", "happy", "en")
    assert any(fault in found for found in faults[kind]), faults


def test_words_of_the_quote_are_no_comment_and_no_formatting():
    words = "Here is my paraphrase, *sure*"
    text, template = (
        sentence.replace("Come here!", words).replace("Come here", words) for sentence in (REWRITTEN, GOOD)
    )
    assert rewriting_faults(text, template, STYLE, words, "happy", "en") == {}


@pytest.mark.parametrize("text", ["", "123 !", "Привет, как дела?", "xyzzy plugh"])
def test_unclear_languages(text):
    assert detect_language(text) is None

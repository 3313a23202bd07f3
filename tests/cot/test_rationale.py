"""Rationales: how they read, what chooses their wording, what is left out of them."""

import itertools

import pytest

from c2ser.cot import templates
from c2ser.cot.check import check_rationale
from c2ser.cot.rationale import build_implicit, build_rationale, liveliness, render
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError

STYLE = {"speed": "low", "pitch": "high", "volume": "medium"}
UNKNOWN = dict.fromkeys(STYLE, "unknown")


def first(slot, options):
    return options[0]


def test_one_of_each_language_word_for_word():
    built = {
        language: render(templates.load(language), STYLE, words, templates.load(language).emotion_name("sad"), first)
        for language, words in (("en", "Come here"), ("it", "Vieni qui!"), ("pl", "nie"), ("zh", "就是下雨也去。"))
    }
    assert built == {
        "en": "The speaker talks slowly, in a high-pitched voice and at a medium volume, saying: “Come here”. This "
        "mixed delivery and the words together show how the speaker feels. Emotion: sad.",
        "it": "Chi parla si esprime lentamente, con tono alto e a volume medio, dicendo: «Vieni qui!» Questo modo di "
        "parlare vario e le parole lasciano intuire lo stato d'animo. Emozione: tristezza.",
        "pl": "Osoba mówi powoli, wysokim głosem i z umiarkowaną głośnością: „nie”. Ten niejednolity sposób mówienia i "
        "same słowa wskazują, co czuje ta osoba. Emocja: smutek.",
        "zh": "说话者语速缓慢、音调高昂、音量适中，说道：“就是下雨也去。”结合这种多变的表达方式和话语内容，"
        "可以推断说话者的感受。情绪：悲伤。",
    }


@pytest.mark.parametrize("language", templates.languages())
def test_speed_pitch_volume_quote_verdict_stand_in_this_order(language):
    template = templates.load(language)
    for number in range(50):
        text = build_rationale(f"u{number}", STYLE, "xyzzy", "angry", language)
        cues = [template.CUES[measure][level].search(text).start() for measure, level in STYLE.items()]
        places = [*cues, text.index("xyzzy"), text.index(template.ANSWER_LEAD)]
        assert places == sorted(places)
        assert text.endswith(template.verdict(template.emotion_name("angry")))


def test_wording_depends_on_utterance_and_seed_alone():
    def build(utterance, seed=0):
        return build_rationale(utterance, STYLE, "Come here", "happy", "en", seed)

    forward = [build(f"u{number}") for number in range(40)]
    backward = [build(f"u{number}") for number in reversed(range(40))]
    assert forward == backward[::-1]
    assert len(set(forward)) > 20
    assert [build(f"u{number}", seed=1) for number in range(40)] != forward


def test_wording_is_the_same_on_every_machine():
    assert build_rationale("spk1-utt1", STYLE, "Come here", "happy", "en", seed=7) == (
        "Speaking slowly, in a high-pitched voice and at a medium volume, the person says: “Come here”. "
        "Along with what is said, this mixed style reveals the inner state. Emotion: happy."
    )


def test_all_wordings_are_used():
    template = templates.load("en")
    texts = [build_rationale(f"u{number}", STYLE, "Come here", "happy", "en") for number in range(200)]
    for patterns in (template.OPENINGS, template.INFERENCES):
        for pattern in patterns:
            start = pattern.both.partition("{")[0]
            assert 20 < sum(start in text for text in texts) < 90
    for phrase in ("slowly", "at a slow pace", "in a high-pitched voice", "with a high pitch"):
        assert 60 < sum(phrase in text for text in texts) < 140


def test_emotion_does_not_change_anything_before_the_verdict():
    texts = {build_rationale("u1", STYLE, "Come here", emotion, "en").rpartition("Emotion:")[0] for emotion in EMOTIONS}
    assert len(texts) == 1


def test_english_is_short():
    for number, levels in enumerate(itertools.product(("low", "medium", "high"), repeat=3)):
        text = build_rationale(f"u{number}", dict(zip(STYLE, levels)), "one two", "surprised", "en")
        assert len(text.split()) - 2 <= 36


@pytest.mark.parametrize("language", templates.languages())
def test_what_is_not_known_is_left_out(language):
    template = templates.load(language)
    for number in range(20):
        text = build_rationale(f"u{number}", {**UNKNOWN, "pitch": "low"}, "...", "sad", language)
        assert template.CUES["pitch"]["low"].search(text) and template.QUOTES[0] not in text
        text = build_rationale(f"u{number}", UNKNOWN, "xyzzy", "sad", language)
        assert not any(cue.search(text) for cues in template.CUES.values() for cue in cues.values())
        assert f"{template.QUOTES[0]}xyzzy{template.QUOTES[1]}" in text
    bare = template.with_verdict(template.INFERENCE_BARE, template.emotion_name("sad"))
    assert build_rationale("u", {}, "", "sad", language) == build_rationale("u", UNKNOWN, " ?", "sad", language) == bare
    assert "{" not in bare and "  " not in bare


@pytest.mark.parametrize(
    "words", ["delivery} {0 {style {quote", "%s \\1 $x", "Emotion: sad.", "loud, “slow” 语速很快"]
)
def test_odd_transcripts_change_nothing_else(words):
    for language in templates.languages():
        text = build_rationale("u1", STYLE, words, "happy", language)
        assert check_rationale(text, STYLE, words, "happy", language) == []
    assert words.replace("“", "‘").replace("”", "’") in text


@pytest.mark.parametrize(
    "levels, expected",
    [
        (("high", "high", "low"), "high"), (("medium", "high", "medium"), "high"),
        (("low", "medium", "medium"), "low"), (("low",), "low"), (("medium",) * 3, "medium"),
        (("low", "high", "medium"), "mixed"), (("low", "high"), "mixed"),
    ],
)  # fmt: skip
def test_liveliness_by_hand(levels, expected):
    assert liveliness(dict(zip(STYLE, levels))) == expected


def test_implicit_answers():
    assert [build_implicit("angry", language) for language in ("en", "it", "pl", "zh")] == [
        "Emotion: angry.", "Emozione: rabbia.", "Emocja: złość.", "情绪：愤怒。",
    ]  # fmt: skip


def test_what_has_no_name_or_no_templates_is_refused():
    with pytest.raises(InputError, match="emotion 'bored' has no name in language 'it'"):
        build_rationale("u", STYLE, "", "bored", "it")
    with pytest.raises(InputError, match="emotion 'unknown' has no name"):
        build_implicit("unknown", "en")
    with pytest.raises(InputError, match="no templates for language 'xx'"):
        build_implicit("sad", "xx")

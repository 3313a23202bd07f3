"""What every language's templates must fulfil; a language that is added is tested by being there."""

import re
from pathlib import Path

import pytest

from c2ser.cot import templates
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.prosody.style import STATES

LANGUAGES = templates.languages()


@pytest.fixture(params=LANGUAGES)
def template(request):
    return templates.load(request.param)


def phrases(template):
    return [
        (measure, level, phrase)
        for measure in STATES
        for level in STATES[measure]
        for phrase in template.STYLE[measure][level]
    ]


def sentences(template):
    return [sentence for pattern in (*template.OPENINGS, *template.INFERENCES) for sentence in pattern]


def test_the_languages():
    assert {"en", "it", "pl", "zh"} <= set(LANGUAGES)


def test_enough_distinct_wordings(template):
    for patterns in (template.OPENINGS, template.INFERENCES):
        assert len(set(patterns)) == len(patterns) >= 4
    texts = [phrase for *_, phrase in phrases(template)]
    assert len(set(texts)) == len(texts) >= 2 * 22  # six measures of three levels, one of four
    assert set(template.DELIVERY) == {"high", "medium", "low", "mixed"}


def test_each_phrase_tells_its_own_level_and_nothing_else(template):
    for measure, level, phrase in phrases(template):
        found = [(m, lev) for m in STATES for lev in STATES[m] if template.CUES[m][lev].search(phrase)]
        assert found == [(measure, level)], phrase


def test_sentences_tell_no_level_and_no_emotion(template):
    words = [word for group in template.DELIVERY.values() for word in group]
    for text in [*sentences(template), *words, template.INFERENCE_BARE]:
        for cues in template.CUES.values():
            assert not any(cue.search(text) for cue in cues.values()), text
        for stem in template.EMOTION_STEMS.values():
            assert not stem.search(text), text
        assert template.ANSWER_LEAD not in text and not set(text) & set("\"“”„«»「」"), text


def test_sentences_have_the_slots_of_their_case(template):
    slots = {
        "OPENINGS": ({"style", "quote"}, {"style"}, {"quote"}),
        "INFERENCES": ({"delivery"}, {"delivery"}, set()),
    }
    for kind, expected in slots.items():
        for pattern in getattr(template, kind):
            for sentence, slot in zip(pattern, expected):
                assert set(re.findall(r"{(\w+)}", sentence)) == slot and sentence.count("{") == len(slot), sentence
                assert sentence.endswith("{quote}" if "quote" in slot else template.FULL_STOP), sentence
            if kind == "OPENINGS":
                assert pattern.both.index("{style}") < pattern.both.index("{quote}")


def test_stems_find_the_names_of_their_own_class_only(template):
    assert set(template.EMOTION_STEMS) == set(EMOTIONS)
    for emotion in EMOTIONS:
        found = [other for other, stem in template.EMOTION_STEMS.items() if stem.search(template.emotion_name(emotion))]
        assert found == [emotion]


def test_names_and_verdicts(template):
    for emotion in EMOTIONS:
        name = template.emotion_name(emotion)
        end = template.ANSWER_LEAD + template.SPACE + name + template.FULL_STOP
        assert template.verdict(name) == template.with_verdict("", name) == end
        assert template.with_verdict(" because ", name) == "because" + template.SPACE + end
    assert not template.has_name("bored")
    with pytest.raises(InputError, match="emotion 'bored' has no name"):
        template.implicit_answer("bored")


def test_verdicts_as_written():
    ends = {language: templates.load(language) for language in ("en", "it", "pl", "zh")}
    assert [template.verdict(template.emotion_name("happy")) for template in ends.values()] == [
        "Emotion: happy.", "Emozione: gioia.", "Emocja: radość.", "情绪：快乐。",
    ]  # fmt: skip


def test_unknown_language():
    with pytest.raises(InputError, match="no templates for language 'xx'; there are .*c2ser/cot/templates/xx.yaml"):
        templates.load("xx")


@pytest.fixture
def more_templates(tmp_path, monkeypatch):
    """A folder whose files count as templates too."""
    monkeypatch.setattr(templates, "__path__", [*templates.__path__, str(tmp_path)])
    templates.languages.cache_clear()
    templates.load.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    templates.languages.cache_clear()
    templates.load.cache_clear()


def test_a_language_is_added_by_one_file(more_templates):
    english = (Path(templates.__file__).parent / "en.yaml").read_text(encoding="utf-8")
    (more_templates / "qaa.yaml").write_text(english.replace("'Emotion:'", "'Feeling:'"), encoding="utf-8")
    (more_templates / "qab.yaml").write_text("ANSWER_LEAD: 'Feeling:'\n", encoding="utf-8")
    assert set(templates.languages()) == {*LANGUAGES, "qaa", "qab"}
    assert templates.load("qaa").verdict(templates.load("qaa").emotion_name("sad")) == "Feeling: sad."
    with pytest.raises(InputError, match="templates/qab.yaml lacks PROMPT_EXPLICIT .*; STYLE .*; COMMON_WORDS"):
        templates.load("qab")

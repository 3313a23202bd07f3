"""The wording of prompts and rationales: one file a language, named by its ISO 639-1 code.

To add a language, add `<code>.yaml` with every entry of `CONTRACT` beside these (copy `en.yaml` and translate), and its
emotion names to `c2ser.emotions.NAMES`. It is found by its name; tests/cot runs every check on every language found.

A rationale is `opening inference verdict`: the style in the order speed, pitch, volume and the quoted transcript; a
sentence that weighs them; and `ANSWER_LEAD`, the emotion's name and `FULL_STOP`. What is written must be readable
back: each phrase of `STYLE` must match the `CUES` of its own measure and level and no other, and no sentence may hold
a quotation mark of its own, name an emotion or repeat the lead.
"""

import functools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import yaml

from c2ser import emotions
from c2ser.errors import InputError
from c2ser.prosody.style import STATES

CONTRACT = {
    "PROMPT_EXPLICIT": "the question that asks for a rationale",
    "PROMPT_IMPLICIT": "the question that asks for the emotion alone",
    "ANSWER_LEAD": "the fixed words before the emotion's name",
    "FULL_STOP": "the character that ends a sentence",
    "SPACE": "what stands between sentences and after the lead: a blank, or nothing",
    "QUOTES": "opening and closing quotation mark",
    "COMMA": "what joins style phrases",
    "AND": "what joins the last style phrase to those before it",
    "STYLE": "measure → level → phrases, any of which may be used",
    "CUES": "measure → level → regular expression that finds that level in a text, in wordings beyond STYLE's too",
    "OPENINGS": "Patterns with {style} and {quote}",
    "DELIVERY": "high, medium, low, mixed → words for the liveliness that the levels add up to",
    "INFERENCES": "Patterns with {delivery}",
    "INFERENCE_BARE": "the inference where neither style nor words are known",
    "EMOTION_STEMS": "class → regular expression that finds a mention of it, inflected or as a synonym",
    "SCRIPT": "first word of the Unicode name of the language's letters: LATIN, CJK, CYRILLIC …",
    "COMMON_WORDS": "frequent words that tell the language from others of its script",
}
"""Every entry that a language's file holds, and what it is for."""

FURTHER = {
    "QUESTIONS": "questions of style: measure, lively or words → what the model is asked",
    "TOLD": "how the measured levels are told to a model, with {style}",
    "QUESTION_OF_WORDS": "what a text teacher is asked about a transcript, with {names}, {lead} and {text}",
    "QUESTION_OF_SPEECH": "what an audio language model is asked that was not trained here, with {names} and {lead}",
    "REWRITING": "how a rationale is put into other words: fields of c2ser.cot.rewrite_prompts.Instructions",
}
"""Entries that a language may go without; what they serve is then not done in it."""


class Pattern(NamedTuple):
    """One wording, for each of the cases: style and words known, only the style, only the words."""

    both: str
    style: str
    words: str


class Template(SimpleNamespace):
    """A language's wording: its code as `language`, all names of `CONTRACT` and `FURTHER` (None where it goes without),
    and what follows from them."""

    def has_name(self, emotion):
        """Whether answers in the language have a word for the class."""
        return emotion in emotions.NAMES.get(self.language, emotions.NAMES["en"])

    def emotion_name(self, emotion):
        """What the language calls the class; InputError where it has no name for it."""
        if not self.has_name(emotion):
            raise InputError(f"emotion {emotion!r} has no name in language {self.language!r}; see c2ser.emotions.NAMES")
        return emotions.name(emotion, self.language)

    def implicit_answer(self, emotion):
        """The answer that gives the verdict and nothing before it, so that what stage 1 has learnt of it carries over."""
        return self.verdict(self.emotion_name(emotion))

    def verdict(self, name):
        """The end of every rationale: lead, the emotion's name, full stop."""
        return f"{self.ANSWER_LEAD}{self.SPACE}{name}{self.FULL_STOP}"

    def with_verdict(self, reasoning, name, order="last"):
        """A rationale from its reasoning and the emotion's name, the verdict "last" or "first"."""
        parts = (reasoning.strip(), self.verdict(name))
        return self.SPACE.join(filter(None, parts if order == "last" else parts[::-1]))


@functools.lru_cache(maxsize=None)
def languages():
    """Codes of the languages that have templates, sorted."""
    return tuple(sorted(_files()))


def _files():
    return {path.stem: path for folder in __path__ for path in Path(folder).glob("*.yaml")}


@functools.lru_cache(maxsize=None)
def load(language):
    """The Template of a language. Raises InputError for a language without one, or one that lacks an entry."""
    if language not in languages():
        raise InputError(
            f"no templates for language {language!r}; there are {', '.join(languages())}: choose one of these, or add "
            f"c2ser/cot/templates/{language}.yaml"
        )
    entries = yaml.safe_load(_files()[language].read_text(encoding="utf-8"))
    lacking = [f"{name} ({purpose})" for name, purpose in CONTRACT.items() if name not in entries]
    if lacking:
        raise InputError(f"c2ser/cot/templates/{language}.yaml lacks {'; '.join(lacking)}")
    for name, measure in ((name, measure) for name in ("STYLE", "CUES") for measure in STATES):
        if set(entries[name].get(measure, ())) != set(STATES[measure]):
            levels = ", ".join(STATES[measure])
            raise InputError(f"c2ser/cot/templates/{language}.yaml: {name}: {measure}: give {levels}")
    read = dict.fromkeys(FURTHER) | entries
    for name in ("OPENINGS", "INFERENCES"):
        read[name] = tuple(Pattern(**pattern) for pattern in read[name])
    read["CUES"] = {measure: _compiled(levels) for measure, levels in read["CUES"].items()}
    read["EMOTION_STEMS"] = _compiled(read["EMOTION_STEMS"])
    read["COMMON_WORDS"] = frozenset(read["COMMON_WORDS"].split())
    return Template(language=language, **read)


def _compiled(patterns):
    return {name: re.compile(pattern, re.IGNORECASE) for name, pattern in patterns.items()}

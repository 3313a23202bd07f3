"""From generated free text to a label, offline and by fixed rules.

The paper maps answers to labels with a second language model; a table gives the same label for the same text
everywhere and says when it finds none. What it does not understand is an invalid answer, never a guess.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from c2ser.emotions import EMOTIONS, canonical
from c2ser.errors import InputError
from c2ser.inference.answer_markup import answers
from c2ser.inference.label_words import EAST_ASIAN, LETTER, NAMES, NEARBY, forms, pattern
from c2ser.inference.negation import ASSERTED, DENIED, SIGNS, mentions_status

_WORD = re.compile(rf"{LETTER}+n't|{LETTER}+")
_AROUND = " \t\n.,;:!?。，！？*_'\"“”<>[](){}"
_SENTENCE_END = re.compile(r"\.(?!\d)|[!?。\n;]")
_QUOTATION = re.compile(
    r"\"[^\"]*(?:\"|$)|“[^”]*(?:”|$)|„[^”“]*(?:[”“]|$)|«[^»]*(?:»|$)|「[^」]*(?:」|$)|『[^』]*(?:』|$)"
    r"|(?<!\w)'[^'\n]*(?:'\w+[^'\n]*)*'(?!\w)"
)  # or cut off
_TRANSCRIPT = re.compile(rf"(?<!{LETTER}){pattern('prose', 'transcript')}[*_]*\s*:[^.!?。\n]*")
_QUESTION = re.compile(rf"(?:\.\d|[^.!?。\n;])*\?(?!\s*{pattern('prose', 'agreed')}\s*(?:[,.!:;。]|$))")
_CORRECTION = re.compile(pattern("prose", "corrections"))
_OPTION = re.compile(r"\([a-h]\)")
_REASONS = re.compile(rf"(?<!{LETTER}){pattern('prose', 'reasons')}[*_]*\s*:")
_SCORE = re.compile(
    r"[\s:=|\"'*()\]~≈_-]*(?:(?:is|at|with|score|probability|confidence|的|概率|可能性|为|是|约)[\s:=|]*)*"
    r"(\d+(?:[.,]\d+)?)(?![\d.]*\s*\w*\s*[a-z])"
)
_SCORE_BEFORE = re.compile(r"(\d+(?:[.,]\d+)?)\s*%?\s*(?:(?:of|for|to|p)\s+)?$")


class Parsed(NamedTuple):
    """The label of an answer and where it was found: "lead" or "text"; or None and why not: "several" or "none"."""

    label: str | None
    reason: str


def parse_label(text, language_hint=None, labels=EMOTIONS):
    """Find the one emotion that an answer names.

    What stands before the end of a system's thinking is no answer. Where something marks the answer (`answer_markup`:
    a tag, a key of JSON, a lead such as "Emotion:") the last mark decides by the first sentence behind it that names an
    emotion, and without one there is no label. Otherwise the whole text is read, except for quotations, which are the
    speaker's words, questions, and what is taken back ("angry, no, sad"). Denied emotions ("not happy", "不快乐",
    "nie jest zły", "怒っていない", "anything but happy") do not count; of several with scores the highest does. Case,
    punctuation, width of characters and lost accents ("zlosc") do not matter.

    Args:
        text: what the model generated, in any of the languages of `label_words.NAMES`, or a short form ("ang").
        language_hint: language whose names are looked for first ("pl": in Polish, "sad" is an orchard); the others'
            are where it has none in the text. None, or a language without words, looks for all at once.
        labels: the classes to look for; names of others are not seen.
    """
    try:
        bodies, marked = answers(_normalise(text))
    except RecursionError:  # hundreds of marks within marks
        return Parsed(None, "none")
    reader = _Reader(language_hint, tuple(labels))
    for body in map(_normalise, bodies):  # again: what JSON has escaped is letters only now
        parsed = reader.lead(body) if marked else reader.prose(body)
        if parsed.reason != "none":
            break
    return Parsed(None, "none") if parsed.reason == DENIED else parsed


class _Reader:
    """Reads stretches of an answer. Beside the reasons of `Parsed` it says `DENIED`: names some, asserts none."""

    def __init__(self, language, labels):
        everywhere = tuple(NAMES)
        self.labels = labels
        self.tiers = [("names", (language,))] if language in NAMES else []
        self.tiers += [("names", everywhere), ("nearby", everywhere)]

    def lead(self, text):
        """What a marked answer says: in its first sentence that says anything, or in its quotations."""
        parsed = Parsed(None, "none")
        for sentence in _SENTENCE_END.split(_REASONS.split(text)[0]) + [text]:
            for words in (_QUOTATION.sub(_drop_speech, sentence), sentence):
                found = self.prose(words)
                if found.reason in ("text", "several"):
                    return found._replace(reason="lead") if found.label else found
                if found.reason == DENIED:
                    parsed = found
                    break
        return parsed

    def prose(self, text):
        """What a text says without its quotations, questions and what it takes back; reasons only where nothing else.

        A word in quotation marks is the answer where nothing is said outside them.
        """
        denied = False
        for words in dict.fromkeys((_QUOTATION.sub(' "" ', text), _QUOTATION.sub(_drop_speech, text))):
            words = _OPTION.sub(" ", _TRANSCRIPT.sub(".", words))
            words = _QUESTION.sub(".", words) if "?" in words else words
            kept = _CORRECTION.split(words)[-1]
            for attempt in dict.fromkeys((_REASONS.split(kept)[0], kept, words)):
                parsed = self.names(attempt)
                if parsed.reason in ("text", "several"):
                    return parsed
                if parsed.reason == DENIED:
                    denied = True
                    break
        return Parsed(None, DENIED if denied else "none")

    def names(self, text):
        """The one label that `text` names: in the language hinted at, in any, or by nearby words in any."""
        short = _short_form(text)
        if short in self.labels:
            return Parsed(short, "text")
        denied = False
        for kind, languages in self.tiers:
            found, mentioned = _mentions(text, _word_table(kind, languages, self.labels))
            if found:
                return Parsed(found.pop(), "text") if len(found) == 1 else Parsed(None, "several")
            denied = denied or mentioned
        return Parsed(None, DENIED if denied else "none")


def _mentions(text, table):
    """(the labels that `text` asserts and does not deny elsewhere, whether it names any)."""
    by_word, phrases = table
    places = [(*word.span(), label) for word in _WORD.finditer(text) if (label := by_word.get(word[0]))]
    for phrase in phrases:
        places += [(*found.span(), by_word[re.sub(r"[\s-]", "", found[0])]) for found in phrase.finditer(text)]
    places.sort()
    if not places:
        return set(), False
    if scored := _best_scored(text, places):
        return scored, True
    said = {status: set() for status in ("asserted", "supposed", "denied")}
    for place, status in zip(places, mentions_status(text, [place[:2] for place in places])):
        said[status].add(place[2])
    return said[ASSERTED] - said[DENIED], True


def _best_scored(text, places):
    """The labels with the highest number where two or more are named and each has one, behind it or each before it."""
    starts = [0, *(end for _, end, _ in places)]
    ends = [*(start for start, _, _ in places), len(text)]
    gaps = [text[start:end] for start, end in zip(starts, ends)]
    for numbers in ([_SCORE.match(gap) for gap in gaps[1:]], [_SCORE_BEFORE.search(gap) for gap in gaps[:-1]]):
        if len(places) > 1 and all(numbers):
            values = [float(number[1].replace(",", ".")) for number in numbers]
            return {label for value, (_, _, label) in zip(values, places) if value == max(values)}
    return set()


def _short_form(text):
    """The class that the whole text is a corpus's spelling of, or None."""
    try:
        return canonical(text.strip(_AROUND))
    except InputError:
        return None


@lru_cache(maxsize=64)
def _word_table(kind, languages, labels):
    """(word → label, patterns of phrases and of East Asian words) for the given classes; words also without accents.

    A `~` matches a blank, a hyphen or nothing; the words stand in the dict without it.
    A nearby word that is the name of another of the classes ("calm", where that is one) is left out.
    """
    source = {"names": NAMES, "nearby": NEARBY}[kind]
    taken = set(_word_table("names", languages, labels)[0]) if kind == "nearby" else set()
    exact = {
        word: label
        for language in languages
        for label, entry in source.get(language, {}).items()
        if label in labels
        for word in forms(entry)
        if word not in taken
    }
    by_word = {_without_accents(word): label for word, label in exact.items()} | exact
    phrases = sorted((word for word in exact if re.match(f"[{EAST_ASIAN}]|.*~", word)), key=len, reverse=True)
    by_word |= {word.replace("~", ""): exact[word] for word in phrases}
    latin = [word for word in phrases if re.match(LETTER, word)]
    within = [word for word in phrases if word not in latin]
    patterns = [rf"\b(?:{'|'.join(latin)})(?!{LETTER})"] * bool(latin) + ["|".join(within)] * bool(within)
    return by_word, [re.compile(pattern.replace("~", r"[\s-]?")) for pattern in patterns]


def _drop_speech(quotation):
    """What is left of a quotation: nothing of the speaker's words, but a single word, which is the answer in quotes."""
    words = quotation.group().strip(f"{_AROUND}„«»「」『』")
    return quotation.group() if re.fullmatch(rf"{LETTER}+|[{EAST_ASIAN}]{{2,3}}", words) else ' "" '


def _normalise(text):
    """Compatibility forms unified (full-width colons and letters), lower case, one kind of apostrophe."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return SIGNS.sub(" ", text).replace("’", "'").replace("‘", "'")


def _without_accents(word):
    """Latin letters without their marks: "złość" → "zlosc"."""
    letters = unicodedata.normalize("NFD", word.replace("ł", "l"))
    return unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", letters))

"""From generated free text to a label, offline and by fixed rules.

The paper maps answers to labels with a second language model; a table gives the same label for the same text
everywhere and says when it finds none. What it does not understand is an invalid answer, never a guess.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from c2ser.cot import templates
from c2ser.emotions import EMOTIONS
from c2ser.inference.label_words import NAMES, NEARBY, forms
from c2ser.inference.negation import EAST_ASIAN, LETTER, WORD, negated_after, negated_before

_SENTENCE_END = re.compile(r"[.!?。\n;]")
_QUOTATION = re.compile(
    r"\"[^\"]*(?:\"|$)|“[^”]*(?:”|$)|„[^”“]*(?:[”“]|$)|«[^»]*(?:»|$)|「[^」]*(?:」|$)"
)  # or cut off


class Parsed(NamedTuple):
    """The label of an answer and where it was found: "lead" or "text"; or None and why not: "several" or "none"."""

    label: str | None
    reason: str


def parse_label(text, language_hint=None, labels=EMOTIONS):
    """Find the one emotion that an answer names.

    Where the text holds an answer lead ("Emotion:", as the training texts have it) the first sentence after the LAST
    lead that names an emotion decides, and without one there is no label. Otherwise the whole text is read, except
    for quotations, which are the speaker's words. Negated emotions ("not happy", "不快乐", "nie jest zły",
    "怒っていない") do not count. Case, punctuation, width of characters and lost accents ("zlosc") do not matter.

    Args:
        text: what the model generated, in any of the languages of `label_words.NAMES`.
        language_hint: language whose names are looked for first ("pl": in Polish, "sad" is an orchard); the others'
            are where it has none in the text. None, or a language without words, looks for all at once.
        labels: the classes to look for; names of others are not seen.
    """
    text = _normalise(text)
    tail = _after_last_lead(text)
    if tail is None:
        return _read(_QUOTATION.sub(_drop_speech, text), language_hint, tuple(labels), "text")
    for sentence in _SENTENCE_END.split(tail):
        parsed = _read(sentence, language_hint, tuple(labels), "lead")
        if parsed.reason != "none":
            return parsed
    return Parsed(None, "none")


def _read(text, language, labels, reason):
    """The one label that `text` names: by names in `language`, by names in any, or by nearby words in any language."""
    everywhere = tuple(NAMES)
    tiers = [("names", everywhere), ("nearby", everywhere)]
    if language in NAMES:
        tiers.insert(0, ("names", (language,)))
    for kind, languages in tiers:
        found = _mentions(text, _word_table(kind, languages, labels))
        if found:
            return Parsed(found.pop(), reason) if len(found) == 1 else Parsed(None, "several")
    return Parsed(None, "none")


def _mentions(text, table):
    """The set of labels whose words stand in `text` without a negation."""
    by_word, east_asian = table
    places = [(*word.span(), label) for word in WORD.finditer(text) if (label := by_word.get(word[0]))]
    if east_asian:
        by_place = [(*word.span(), by_word[re.sub(r"\s", "", word.group())]) for word in east_asian.finditer(text)]
        places = sorted(places + by_place)
    return {
        label
        for index, (start, _, label) in enumerate(places)
        if not negated_before(text, start) and not negated_after(text, places, index)
    }


@lru_cache(maxsize=64)
def _word_table(kind, languages, labels):
    """(word → label, pattern of its East Asian words or None) for the given classes; words with and without accents.

    The pattern's `~` matches a blank or nothing; the words stand in the dict without it.
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
    east_asian = sorted((word for word in exact if re.match(f"[{EAST_ASIAN}]", word)), key=len, reverse=True)
    by_word |= {word.replace("~", ""): exact[word] for word in east_asian}
    return by_word, re.compile("|".join(east_asian).replace("~", r"\s?")) if east_asian else None


def _after_last_lead(text):
    """The text behind the last answer lead of any language, None where there is none.

    Leads with nothing behind them do not count if others have: a generation that loops is cut off somewhere.
    """
    leads, end = list(_lead_pattern().finditer(text)), len(text)
    for lead in reversed(leads):
        if re.search(r"\w", text[lead.end() : end]):
            return text[lead.end() : end]
        end = lead.start()
    return "" if leads else None


@lru_cache(maxsize=1)
def _lead_pattern():
    texts = [templates.load(language).ANSWER_LEAD for language in templates.languages()]
    leads = {re.escape(_normalise(lead).strip()).replace(":", r"\s*:") for lead in texts}
    return re.compile(rf"(?<!{LETTER})(?:{'|'.join(sorted(leads, key=len, reverse=True))})")


def _drop_speech(quotation):
    """What is left of a quotation: nothing of the speaker's words, but a single word, which is the answer in quotes."""
    words = quotation.group().strip('"“”„«»「」 .,!?。')
    return quotation.group() if re.fullmatch(rf"{LETTER}+|[{EAST_ASIAN}]{{2,3}}", words) else ' "" '


def _normalise(text):
    """Compatibility forms unified (full-width colons and letters), lower case, one kind of apostrophe."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("’", "'")


def _without_accents(word):
    """Latin letters without their marks: "złość" → "zlosc"."""
    letters = unicodedata.normalize("NFD", word.replace("ł", "l"))
    return unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", letters))

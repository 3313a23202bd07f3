"""Reading a rationale back: what verdict it gives, which style it states, what it quotes, in which language it is.

Used on templates (where a fault is a bug), on texts that a language model rewrote (where it means falling back to the
template) and on what a trained model answers (prosody-tag accuracy).
"""

import re
import unicodedata
from collections import Counter

from c2ser.cot import templates
from c2ser.cot.quote import clean_transcript, comparable, split_quoted
from c2ser.cot.rewrite_prompts import instructions
from c2ser.datadir.scan import ODD
from c2ser.prosody.style import MEASURES, STATES

MARKUP = re.compile(r"[*_#`<>{}\[\]|]|(?:^|\s)(?:[-•]|\d+[.)])\s")
"""Signs of formatting, and starts of lists, which no sentence of a rationale holds."""

MAX_GROWTH = 2.5
"""A rewritten rationale may have so many times the characters of the template's, the quotation aside."""


def check_rationale(text, style, transcript, emotion, language, order="last"):
    """Faults of a rationale, as a list of sentences; empty where it is sound.

    It must end, or with order "first" begin, with the verdict on `emotion`, give it once and mention no other class; state
    exactly the known levels of `style` (measure → level); quote `transcript`, or nothing where that has no words; and be
    written in `language`.
    """
    return [
        *_verdict_faults(text, emotion, language, order),
        *_style_faults(text, style, language),
        *quote_faults(text, transcript),
        *_language_faults(text, language),
    ]


def chain_faults(text, style, emotion, language):
    """Faults of a rationale that a trained model drew: kind → list of sentences; {} where it is right.

    It must end with the verdict on `emotion` and name no emotion before (verdict), state exactly the known levels of
    `style` (style), and be written in `language` (language). What it quotes is what the model heard, and not looked at.
    """
    found = {
        "verdict": _verdict_faults(text, emotion, language) + _early_emotion(text, emotion, language),
        "style": _style_faults(text, style, language),
        "language": _language_faults(text, language),
    }
    return {kind: faults for kind, faults in found.items() if faults}


def rewriting_faults(text, rationale, style, transcript, emotion, language):
    """Faults of a text that a language model wrote in place of `rationale`: kind → list of sentences; {} where sound.

    Beside what `check_rationale` asks (verdict, style, quote, language), it must be worded differently (unchanged), be
    plain text of about the same length (form), say nothing of the rewriting itself (comment), quote nothing but the
    transcript, and not name the emotion before the verdict: there the classes are scored after training.
    """
    found = chain_faults(text, style, emotion, language) | {
        "quote": quote_faults(text, transcript) or _further_quotes(text, transcript),
        "form": _form_faults(text, rationale),
        "comment": _comments(text, language),
        "unchanged": ["is the template's text"] if comparable(text) == comparable(rationale) else [],
    }
    return {kind: faults for kind, faults in found.items() if faults}


def parse_style_levels(text, language):
    """The levels that a rationale states outside its quote: {measure: level}, in the order of `MEASURES`.

    A measure that is not mentioned, or to which two different levels are given, is left out.
    """
    outside, _ = split_quoted(text)
    found = {}
    for measure, cues in templates.load(language).CUES.items():
        levels = [level for level in STATES[measure] if cues[level].search(outside)]
        if len(levels) == 1:
            found[measure] = levels[0]
    return {measure: found[measure] for measure in MEASURES if measure in found}


def _verdict_faults(text, emotion, language, order="last"):
    template = templates.load(language)
    end = template.verdict(template.emotion_name(emotion))
    outside, _ = split_quoted(text)
    faults = []
    if not (text.endswith(end) if order == "last" else text.startswith(end)):
        faults.append(f"does not {'end' if order == 'last' else 'begin'} with the verdict {end!r}")
    if outside.count(template.ANSWER_LEAD) != 1:
        faults.append(f"has {template.ANSWER_LEAD!r} {outside.count(template.ANSWER_LEAD)} times, not once")
    for other, stem in template.EMOTION_STEMS.items():
        if other != emotion and (mention := stem.search(outside.replace(end, "", 1))):
            faults.append(f"mentions another emotion, {other}: {mention.group()!r}")
    return faults


def _early_emotion(text, emotion, language):
    template = templates.load(language)
    outside, _ = split_quoted(text.removesuffix(template.verdict(template.emotion_name(emotion))))
    mention = template.EMOTION_STEMS[emotion].search(outside)
    return [f"names the emotion before the verdict: {mention.group()!r}"] if mention else []


def _style_faults(text, style, language):
    stated = parse_style_levels(text, language)
    outside, _ = split_quoted(text)
    faults = []
    for measure, cues in templates.load(language).CUES.items():
        expected = style.get(measure)
        if expected in cues and stated.get(measure) != expected:
            faults.append(f"{measure} should be {expected}, the text says {stated.get(measure, 'no one level')}")
        elif expected not in cues and any(cue.search(outside) for cue in cues.values()):
            faults.append(f"{measure} is not known, but the text states it")
    return faults


def quote_faults(text, transcript):
    """Faults of what a rationale quotes, as a list of sentences: not the transcript, or words where it has none."""
    words = comparable(clean_transcript(transcript))
    _, quoted = split_quoted(text)
    if words and words not in comparable(quoted):
        return ["does not quote the transcript"]
    if not words and comparable(quoted):
        return [f"quotes words that the transcript does not have: {quoted!r}"]
    return []


def _further_quotes(text, transcript):
    _, quoted = split_quoted(text)
    if comparable(quoted) == comparable(clean_transcript(transcript)):
        return []
    return [f"quotes more than the transcript: {quoted!r}"]


def _form_faults(text, rationale):
    outside, _ = split_quoted(text)
    longest = MAX_GROWTH * len(split_quoted(rationale)[0])
    faults = []
    if len(outside) > longest:
        faults.append(f"has {len(outside)} characters beside the quote, more than {longest:.0f}")
    if sign := MARKUP.search(outside):
        faults.append(f"holds formatting: {sign.group().strip()!r}")
    if odd := ODD.search(text):
        faults.append(f"holds the character U+{ord(odd.group()):04X}")
    return faults


def _comments(text, language):
    outside, _ = split_quoted(text)
    said = instructions(language).about.search(outside)
    return [f"speaks of the rewriting: {said.group().strip()!r}"] if said else []


def _language_faults(text, language):
    found = detect_language(text)
    return [] if found == language else [f"is written in {found or 'no known language'}, not in {language}"]


def detect_language(text):
    """Which of the languages with templates a rationale is written in, its quote aside; None where that is not clear.

    The script that most letters belong to decides, then the number of common words; a tie is not clear.
    """
    outside, _ = split_quoted(text)
    scripts = Counter(unicodedata.name(char, "?").split()[0] for char in outside if char.isalpha())
    if not scripts:
        return None
    script = scripts.most_common(1)[0][0]
    hits = {}
    for language in templates.languages():
        template = templates.load(language)
        if template.SCRIPT == script:
            hits[language] = _count_common_words(outside, template)
    best = max(hits.values(), default=0)
    candidates = [language for language, count in hits.items() if count == best]
    return candidates[0] if best and len(candidates) == 1 else None


def _count_common_words(text, template):
    if not template.SPACE:  # written without blanks
        return sum(text.count(word) for word in template.COMMON_WORDS)
    words = "".join(char if char.isalpha() else " " for char in text.lower()).split()
    return sum(word in template.COMMON_WORDS for word in words)

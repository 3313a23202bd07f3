"""Rationales: the answers that explicit chain-of-thought training teaches (paper, section on chain of thought).

Ours differ from the paper's in one point: the sentence between the quote and the verdict weighs style and words but
does not depend on the emotion, and the emotion is named once, at the end, after a fixed lead. So the place right
after the lead is where the model decides: the class names can be scored there, with a rationale before them as
without one.
"""

import hashlib

from c2ser.cot import templates
from c2ser.cot.quote import clean_transcript, quote
from c2ser.prosody.style import MEASURES, STATES


def build_rationale(utterance, style, transcript, emotion, language, seed=0, order="last"):
    """The explicit answer for an utterance: opening with style and quote, inference, verdict, which may come first.

    style: measure → level; an unknown or absent level is left out. transcript: in any language; left out where it has
    no words. emotion: class. language: code of a language with templates. Wording follows from `seed` and the
    utterance's id alone, whatever else is built. Raises InputError for a language without templates and an emotion
    without a name.
    """
    template = templates.load(language)
    name = template.emotion_name(emotion)
    return render(template, style, clean_transcript(transcript), name, _picker(utterance, seed), order)


def build_implicit(emotion, language):
    """The implicit answer: the verdict alone, "Emotion: happy." Raises InputError as `build_rationale` does."""
    return templates.load(language).implicit_answer(emotion)


def render(template, style, words, name, pick, order="last"):
    """A rationale in the words of a Template, the verdict "last" or "first"; `pick(slot, options)` chooses each wording.

    words: a clean transcript. The slots are opening, the style's measures, inference, delivery.
    """
    levels = {measure: style[measure] for measure in MEASURES if style.get(measure) in STATES[measure]}
    phrases = [pick(measure, template.STYLE[measure][level]) for measure, level in levels.items()]
    filling = {
        "style": template.AND.join([template.COMMA.join(phrases[:-1]), *phrases[-1:]] if phrases[1:] else phrases),
        "quote": quote(words, template) if words else "",
        "delivery": pick("delivery", template.DELIVERY[liveliness(levels)]) if levels else "",
    }
    sentences = []
    for slot, patterns in (("opening", template.OPENINGS), ("inference", template.INFERENCES)):
        pattern = pick(slot, patterns)
        if levels and words:
            sentences.append(pattern.both)
        elif levels:
            sentences.append(pattern.style)
        elif words:
            sentences.append(pattern.words)
    filled = [_fill(sentence, filling) for sentence in sentences] or [template.INFERENCE_BARE]
    return template.with_verdict(template.SPACE.join(filled), name, order)


def liveliness(levels):
    """What the known levels add up to: each high one speaks for a lively delivery, each low one against.

    Speed, pitch and volume all rise with arousal, and so do the range of the pitch and the rate of articulation; their
    balance is stated instead of a feeling, so it contradicts neither the levels nor any emotion. "mixed" where high and
    low cancel out. Intonation and pauses do not count.
    """
    counted = [level for measure, level in levels.items() if measure not in ("intonation", "pauses")]
    balance = sum({"low": -1, "medium": 0, "high": 1}[level] for level in counted)
    if balance:
        return "high" if balance > 0 else "low"
    return "medium" if set(counted) <= {"medium"} else "mixed"


def _fill(sentence, filling):
    """Replace {style}, {quote} and {delivery}; braces inside a transcript stay as they are."""
    before, mark, after = sentence.partition("{quote}")
    for slot in ("style", "delivery"):
        before = before.replace(f"{{{slot}}}", filling[slot])
    return before + (filling["quote"] if mark else "") + after


def _picker(utterance, seed):
    """`pick(slot, options)` that depends on utterance, seed and slot alone."""

    def pick(slot, options):
        digest = hashlib.sha256(f"{seed}\t{utterance}\t{slot}".encode()).digest()
        return options[int.from_bytes(digest[:8], "big") % len(options)]

    return pick

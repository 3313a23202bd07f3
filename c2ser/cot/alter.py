"""Rationales with other levels than they state: what a system must mind that uses its chain of thought."""

import hashlib
import re

from c2ser.cot import templates
from c2ser.cot.quote import around_quoted

CHANGES = ("swapped", "shuffled", "removed")
"""swapped: every level is turned into an opposite one; shuffled: into what another utterance's rationale states of the
measure; removed: nothing is said of it."""

_OPPOSITE = {"low": "high", "high": "low", "rising": "falling", "falling": "rising", "both": "level", "level": "both"}


def swapped(utterance, measure, level):
    """The opposite of a level; of "medium" low or high, as utterance and measure decide."""
    digest = hashlib.sha256(f"{utterance}\t{measure}".encode()).digest()
    return _OPPOSITE.get(level) or ("low", "high")[digest[0] % 2]


def partners(utterances, seed):
    """Utterance → another one of them, each serving once: its neighbour in an order that the seed draws."""
    order = sorted(utterances, key=lambda one: hashlib.sha256(f"{seed}\t{one}".encode()).digest())
    return dict(zip(order, order[1:] + order[:1]))


def alter(text, language, change):
    """A rationale whose levels are stated otherwise; quotation and all else stay.

    change: (measure, level) → the level to state instead, or None to leave the measure out. Levels are found by the
    phrases of the language's `STYLE`, and stand in the phrase of the same number. Returns the text and how many were
    found.
    """
    template, found = templates.load(language), []
    phrases = {
        phrase: (measure, level, number)
        for measure, levels in template.STYLE.items()
        for level, wordings in levels.items()
        for number, phrase in enumerate(wordings)
    }
    edge = r"\b" if template.SPACE else ""  # "głośno" is not in "głośność"
    longest = sorted(phrases, key=len, reverse=True)
    pattern = re.compile(f"{edge}(?:{'|'.join(map(re.escape, longest))}){edge}")

    def exchange(match):
        measure, level, number = phrases[match.group()]
        new = change(measure, level)
        found.append(measure)
        if new is None:
            return "\0"
        return f"\1{template.STYLE[measure][new][number % len(template.STYLE[measure][new])]}\2"

    before, quoted, after = around_quoted(text)
    made = [_closed_up(pattern.sub(exchange, part), template) for part in (before, after)]
    return made[0] + quoted + made[1], len(found)


def _closed_up(text, template):
    """A text without the marks of phrases, NUL for one that was taken, and without what joined those to the others."""
    join = f"(?:{re.escape(template.COMMA)}|{re.escape(template.AND)})"
    for pattern in (f"\0{join}(?=\0)", f"(?<=\2){join}\0", f"\0{join}(?=\1)", "[\0\1\2]"):
        text = re.sub(pattern, "", text)
    return re.sub(r" +(?=[ ,.:;，。：])", "", text)


def altered(utterance, text, language, change, others):
    """`alter` by one of `CHANGES`; others: {measure: level} that the partner's rationale states."""
    rules = {
        "swapped": lambda measure, level: swapped(utterance, measure, level),
        "shuffled": lambda measure, level: others.get(measure, level),
        "removed": lambda measure, level: None,
    }
    return alter(text, language, rules[change])

"""Whether a word that names an emotion is negated, by what stands before it or, in Japanese and Korean, after it."""

import re

from c2ser.inference.label_words import (
    AFFIRMERS,
    CHINESE_NEGATION,
    CONTRASTS,
    COORDINATION,
    KOREAN_NEGATION,
    LATER_AFFIRMATION,
    LATER_CONTRAST,
    LATER_NEGATION,
    NEGATORS,
)

EAST_ASIAN = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Range of characters for a pattern: scripts in which words are found inside others, not between word boundaries."""

LETTER = rf"[^\W_{EAST_ASIAN}]"
WORD = re.compile(rf"{LETTER}+n't|{LETTER}+")
_CLAUSE_END = re.compile(r"[.,;:!?()\n、。—–\"“”„«»「」]")
_REACH = 4  # a negator may stand this many words before the emotion: "does not sound very happy"


def negated_before(text, start):
    """Whether the word at `start` is negated by what stands before it in its clause."""
    clause = _CLAUSE_END.split(text[:start])[-1]
    if CHINESE_NEGATION.search(clause) or KOREAN_NEGATION.search(clause):
        return True
    words = [*WORD.findall(clause), ""]
    for i in range(len(words) - 2, max(len(words) - 2 - _REACH, -1), -1):
        if words[i] in CONTRASTS and words[i - 1] not in NEGATORS:  # Polish "nie ma złości" is no contrast
            return False
        if (words[i] in NEGATORS or words[i].endswith("n't")) and words[i + 1] not in AFFIRMERS:
            return True
    return False


def negated_after(text, places, index):
    """Whether the word `places[index]` is negated by what follows it in its clause, as in Japanese and Korean.

    places: (start, end, …) of the words that name emotions, in order. The next of them ends the reach, unless it is
    only joined to this one: then what negates it negates both.
    """
    end = places[index][1]
    rest = _CLAUSE_END.split(text[end:])[0]
    if index + 1 < len(places) and places[index + 1][0] < end + len(rest):
        rest = text[end : max(end, places[index + 1][0])]
        if COORDINATION.fullmatch(rest):
            return negated_after(text, places, index + 1)
    rest = LATER_CONTRAST.split(LATER_AFFIRMATION.sub(" ", rest))[0]
    return bool(LATER_NEGATION.search(rest))

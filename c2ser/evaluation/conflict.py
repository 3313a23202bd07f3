"""Whom answers follow where the words say one emotion and the voice another."""

from collections import Counter
from dataclasses import asdict

from c2ser.errors import InputError
from c2ser.evaluation.faithfulness import mean_over_speakers

SIDES = ("voice", "words", "neither")


def follow(words, voice, answers, speakers):
    """Counts and shares of answers by whom they follow.

    words, voice, answers, speakers: the same utterances → class of the words, class of the voice, the answer (anything
    that is no class follows neither), speaker. Returns `n` (utterances in conflict), `counts` and `shares` (side →
    number, and interval as a dict), `pairs` ("words class / voice class" → side → number), `agreeing` (utterances with
    one class in both) and `agreeing_right` (of these, answered so). Raises InputError where nothing is in conflict.
    """
    conflict = [one for one in words if words[one] != voice[one]]
    if not conflict:
        raise InputError(f"of {len(words)} utterances in both tables none has different classes in them")
    side = {}
    for one in conflict:
        side[one] = "voice" if answers[one] == voice[one] else "words" if answers[one] == words[one] else "neither"
    counts, pairs = Counter(side.values()), {}
    for one in conflict:
        pairs.setdefault(f"{words[one]} / {voice[one]}", Counter())[side[one]] += 1
    by = [speakers[one] for one in conflict]
    agreeing = [one for one in words if words[one] == voice[one]]
    return {
        "n": len(conflict),
        "counts": {name: counts[name] for name in SIDES},
        "shares": {name: asdict(mean_over_speakers([side[one] == name for one in conflict], by)) for name in SIDES},
        "pairs": {pair: {name: found[name] for name in SIDES} for pair, found in sorted(pairs.items())},
        "agreeing": len(agreeing),
        "agreeing_right": sum(answers[one] == voice[one] for one in agreeing),
    }

"""Annotators' votes for the emotion of an utterance, the values of utt2votes: `angry:2 sad:1`."""

import math

from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS, is_known
from c2ser.errors import InputError


def parse_votes(value):
    """Read `class:number class:number …` as a dict class → number, a float > 0; classes with 0 votes are left out.

    Numbers need not be whole (weighted votes). Raises InputError, which names neither file nor utterance, for another
    form, an unknown class, a class that stands twice, and no vote above 0.
    """
    pairs = [entry.rpartition(":") for entry in value.split()]
    labels = [label for label, _, _ in pairs]
    try:
        counts = [float(count) for _, _, count in pairs]
    except ValueError:
        counts = []
    if not all(labels) or not all(0 <= count < math.inf for count in counts) or not sum(counts):
        raise InputError(f"{value!r} is not `class:votes class:votes …` with some vote above 0")
    unknown = [label for label in labels if not is_known(label)]
    if unknown:
        known = ", ".join((*EMOTIONS, *FURTHER_EMOTIONS))
        raise InputError(f"votes hold an unknown label, {unknown[0]!r}; known are {known}")
    if len(set(labels)) < len(labels):
        raise InputError(f"a class stands twice in {value!r}; write each once, with all its votes")
    return {label: count for label, count in zip(labels, counts) if count}

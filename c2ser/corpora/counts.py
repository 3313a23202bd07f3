"""Holding what was found against the published counts: per part of the corpus and class."""

from collections import Counter

from c2ser.errors import InputError

SHOWN = 10
"""How many names a message lists before it says how many more there are."""


def check_counts(corpus, reading, allow_missing=0):
    """Raise InputError, with a list, unless the utterances agree with the published numbers.

    Up to `allow_missing` utterances may be missing; an utterance too many in any part and class is never allowed, nor
    is an unexpected file. With an exact agreement the rows that have no audio count as left out by rule: they are
    moved from `reading.missing` to `reading.excluded`. Returns the number of missing utterances.
    """
    if reading.unexpected:
        raise InputError(
            f"{corpus.name}: {len(reading.unexpected)} files that are not part of the corpus as published:\n"
            f"{listing(reading.unexpected)}\nMove them away or mend their names."
        )
    if not reading.utterances:
        raise InputError(
            f"{corpus.name}: no utterances found; set the corpus's path\n{listing(reading.missing)}".rstrip()
        )
    differences, short, surplus = compare(corpus, reading.utterances)
    if surplus or short > allow_missing:
        raise InputError(_message(corpus, reading, differences, short, surplus, allow_missing))
    if not short and corpus.expected:
        reading.excluded.extend(reading.missing)
        reading.missing.clear()
    return short


def compare(corpus, utterances):
    """(lines that say where found and published counts differ, number missing, number too many)."""
    if not corpus.expected:
        return [], 0, 0
    found = Counter((getattr(utterance, corpus.counted_by), utterance.emotion) for utterance in utterances)
    expected = {(part, emotion): n for part, counts in corpus.expected.items() for emotion, n in counts.items()}
    lines, short, surplus = [], 0, 0
    for part, emotion in sorted({*found, *expected}, key=str):
        there, wanted = found[part, emotion], expected.get((part, emotion), 0)
        short, surplus = short + max(wanted - there, 0), surplus + max(there - wanted, 0)
        if there != wanted:
            lines.append(f"  {part} {emotion}: expected {wanted}, found {there}{_tested_in(corpus, part)}")
    return lines, short, surplus


def listing(notes):
    """The first notes, one a line, and how many more there are."""
    lines = [f"  {note.name}: {note.reason}" for note in notes[:SHOWN]]
    return "\n".join(lines + [f"  … and {len(notes) - SHOWN} more"] * (len(notes) > SHOWN))


def _tested_in(corpus, part):
    folds = [fold for fold, speakers in corpus.read_folds().items() if part in speakers]
    return f" (tested in fold {folds[0]})" if folds else ""


def _message(corpus, reading, differences, short, surplus, allow_missing):
    found, total = len(reading.utterances), corpus.total()
    lines = [f"{corpus.name}: {found} utterances found, {total} published; they differ in", *differences]
    if reading.missing:
        lines += ["missing:", listing(reading.missing)]
    if surplus:
        lines.append(f"{surplus} too many: a label is wrong or files were added, which is never allowed.")
    if short > allow_missing:
        lines.append(f"{short} are missing: fetch them, or accept the loss with --allow_missing {short}.")
    return "\n".join(lines)

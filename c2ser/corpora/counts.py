"""Holding what was found against the published counts: per part of the corpus and class."""

from collections import Counter

from c2ser.corpora.base import Note
from c2ser.errors import InputError

SHOWN = 10
"""How many names a message lists before it says how many more there are."""


def check_counts(corpus, reading, root, allow_missing=0):
    """Raise InputError, with a list, unless the utterances agree with the published numbers.

    root: where the corpus was looked for, to be named. Up to `allow_missing` utterances may be missing; an utterance
    too many in any part and class is never allowed, nor is an unexpected file. With an exact agreement the rows that
    have no audio count as left out by rule: they are moved from `reading.missing` to `reading.excluded`. Where some are
    missing that the corpus module cannot name, `reading.missing` gets the parts and classes that they are of. Where no
    numbers are published, those of `reading.missing` are the missing ones. Returns the number of missing utterances.
    """
    if reading.unexpected:
        raise InputError(
            f"{corpus.name}: {len(reading.unexpected)} files that are not part of the corpus as described, in {root}:\n"
            f"{listing(reading.unexpected)}\nMove them away or mend their names; of a new corpus, mend "
            f"its module, {corpus.name}.py, or the folder in {corpus.variable()}."
        )
    if not reading.utterances:
        raise InputError(
            f"{corpus.name}: no utterances found in {root}; set {corpus.variable()} in db.sh, or in the environment, to "
            f"the folder of the corpus\n{listing(reading.missing)}".rstrip()
        )
    differences, short, surplus = [], len(reading.missing), 0
    if corpus.expected:
        differences, short, surplus = compare(corpus, reading.utterances)
    if surplus or short > allow_missing:
        raise InputError(_message(corpus, reading, differences, short, surplus, allow_missing))
    if short > len(reading.missing):
        reading.missing.extend(differences)
    if not short and corpus.expected:
        reading.excluded.extend(reading.missing)
        reading.missing.clear()
    return short


def compare(corpus, utterances):
    """(a Note on every part and class whose found and published counts differ, number missing, number too many)."""
    found = Counter((getattr(utterance, corpus.counted_by), utterance.emotion) for utterance in utterances)
    expected = {(part, emotion): n for part, counts in corpus.expected.items() for emotion, n in counts.items()}
    notes, short, surplus = [], 0, 0
    for part, emotion in sorted({*found, *expected}, key=str):
        there, wanted = found[part, emotion], expected.get((part, emotion), 0)
        short, surplus = short + max(wanted - there, 0), surplus + max(there - wanted, 0)
        if there != wanted:
            split = part if corpus.counted_by == "split" else None
            reason = f"expected {wanted}, found {there}{_tested_in(corpus, part)}"
            notes.append(Note(f"{part} {emotion}", reason, split))
    return notes, short, surplus


def listing(notes):
    """The first notes, one a line, and how many more there are."""
    lines = [f"  {note.name}: {note.reason}" for note in notes[:SHOWN]]
    return "\n".join(lines + [f"  … and {len(notes) - SHOWN} more"] * (len(notes) > SHOWN))


def _tested_in(corpus, part):
    folds = [fold for fold, speakers in corpus.read_folds().items() if part in speakers]
    return f" (tested in fold {folds[0]})" if folds else ""


def _message(corpus, reading, differences, short, surplus, allow_missing):
    found, total = len(reading.utterances), corpus.total()
    lines = [f"{corpus.name}: {found} utterances found" + (f", {total} published; they differ in" if total else "")]
    lines += [f"  {note.name}: {note.reason}" for note in differences]
    if reading.missing:
        lines += ["missing:", listing(reading.missing)]
    if surplus:
        lines.append(f"{surplus} too many: a label is wrong or files were added, which is never allowed.")
    if short > allow_missing:
        lines.append(f"{short} are missing: fetch them, or accept the loss with --allow_missing {short}.")
    return "\n".join(lines)

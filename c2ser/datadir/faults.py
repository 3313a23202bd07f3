"""What a check found: where it is, what is wrong and what to do about it."""

from collections import Counter
from typing import NamedTuple

SHOWN = 20
SHOWN_OF_ONE_KIND = 5


class Fault(NamedTuple):
    """One fault of a data directory.

    kind: a short name such as "unsorted", for counting; path: the file; line: its line from 1, or None where the file
    as a whole is meant; message: the utterance, what is wrong, and the remedy.
    """

    kind: str
    path: str
    line: int | None
    message: str

    def __str__(self):
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.message}"


def report(faults):
    """The faults as lines of text: the first 20, at most 5 of a kind in one file, and then how many there are of each.

    One Windows file of 10,000 lines therefore does not hide the one wrong label beside it.
    """
    shown, seen = [], Counter()
    for fault in faults:
        seen[fault.kind, fault.path] += 1
        if len(shown) < SHOWN and seen[fault.kind, fault.path] <= SHOWN_OF_ONE_KIND:
            shown.append(str(fault))
    if len(shown) < len(faults):
        counts = ", ".join(f"{count} × {kind} in {path}" for (kind, path), count in seen.items())
        shown.append(f"… {len(faults)} faults in all: {counts}")
    return "\n".join(shown)


def some(names, limit=5):
    """The first few of a list of ids, for a message: "a, b, c and 17 more"."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more

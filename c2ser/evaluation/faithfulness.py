"""How far posteriors move, and whom answers follow: means over utterances with intervals over speakers."""

from dataclasses import asdict

import numpy as np

from c2ser.errors import InputError
from c2ser.evaluation.bootstrap import MIN_SPEAKERS, Interval, jackknife, student


def changes(before, after):
    """How one posterior, class → probability, became another: `moved`, their total variation distance (half the sum of
    absolute differences); `drop`, what the class lost that was the first; `other`, 1 where another one is now."""
    best = max(before, key=before.get)
    return {
        "moved": sum(abs(before[label] - after[label]) for label in before) / 2,
        "drop": before[best] - after[best],
        "other": int(max(after, key=after.get) != best),
    }


def summarise(rows, speakers):
    """`n`, how many, and name → mean over utterances with its interval, as a dict; rows: utterance → {name: number from −1
    to 1}; speakers: utterance → speaker."""
    names, by = next(iter(rows.values())), [speakers[one] for one in rows]
    return {"n": len(rows)} | {
        name: asdict(mean_over_speakers([row[name] for row in rows.values()], by)) for name in names
    }


def mean_over_speakers(values, speakers):
    """Mean of numbers from −1 to 1 with its 95 % interval, `bootstrap.student` around the jackknife over speakers.

    Without bounds (None) where there are fewer than `MIN_SPEAKERS`. Raises InputError without values, and for others.
    """
    values, mean = np.asarray(values, dtype=float), float(np.mean(values)) if len(values) else None
    if mean is None or not (np.abs(values) <= 1).all():
        raise InputError("nothing to take a mean of" if mean is None else "values must lie within ±1")
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    if len(names) < MIN_SPEAKERS:
        return Interval(mean, None, None, 0, f"speaker (only {len(names)})")
    shares = np.bincount(index, weights=(values + 1) / 2)  # for the jackknife: what counts of each, and the rest
    counts = np.stack([shares, np.bincount(index) - shares], axis=1)[:, None, None, :]
    error, freedom = jackknife(
        counts, np.ones(len(names), dtype=int), lambda summed: 2 * summed[:, 0, 0, 0] / summed[:, 0, 0].sum(axis=-1) - 1
    )
    return student(mean, error, freedom, (-1.0, 1.0))


def summary_rows(summary):
    """The rows of a table, the header first, from change → what `summarise` gives."""
    rows = [["Levels", "n", "posterior moved by", "lost by the first class", "another class first %"]]
    for change, found in summary.items():
        rows.append([change, str(found["n"]), *(shown(found[name]) for name in ("moved", "drop")), shown(found["other"], 100, 1)])
    return rows


def shown(interval, factor=1, digits=3):
    """ "0.123 [0.1, 0.2]" of an interval as a dict; without bounds that are not there."""
    names = ("value",) if interval["low"] is None else ("value", "low", "high")
    value, *bounds = (f"{factor * interval[name]:.{digits}f}" for name in names)
    return f"{value} [{', '.join(bounds)}]" if bounds else value

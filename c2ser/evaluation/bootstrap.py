"""Intervals of scores, computed on confusion counts: over speakers Student's t around the jackknife, over utterances
the percentiles of a bootstrap.

Speakers are few, and a bootstrap over few units is too narrow: over 4 to 6 speakers its 95 % hold the truth in 83 to
88 %. So the score is computed without one speaker at a time; what these values vary by is its standard error, and
Student's t pays for the small number (Tukey's jackknife t; Efron and Tibshirani, An Introduction to the Bootstrap,
1993, chapter 11). Where speakers said unequally much, they count as `effective_number` of them.

A resample of n utterances is a multinomial draw over the cells of the confusion matrix, so that its cost depends on the
number of different cells, not on that of utterances.
"""

import math
from dataclasses import dataclass

import numpy as np

from c2ser.errors import InputError
from c2ser.evaluation.metrics import METRICS, confusion

LEVEL = 0.95
"""Confidence level of every interval."""
DRAWS = 10_000
MIN_SPEAKERS = 3
"""With fewer, a resample of speakers has next to no variety and utterances are resampled instead."""
_CHUNK = 2_000_000  # numbers held at once: bounds the memory, never changes a result


@dataclass(frozen=True)
class Interval:
    """A score with its 95 % interval.

    `draws` is the number of bootstrap draws (0 where the interval is not a bootstrap), `unit` what it counts as one
    observation: "speaker" (Student t), "utterance", "utterance (…)" with the reason why not speakers, or
    "fold (Student t)".
    """

    value: float
    low: float
    high: float
    draws: int
    unit: str


def intervals(reference, predicted, labels, speakers=None, draws=DRAWS, seed=0, metrics=METRICS):
    """Scores of one system with 95 % intervals.

    Args:
        reference, predicted, labels: as for `metrics.confusion`.
        speakers: speaker of each utterance, so that whole speakers count (utterances of one speaker are alike, and
            intervals that ignore it are too narrow); None resamples utterances. With fewer than `MIN_SPEAKERS`
            utterances are resampled, and `unit` says so.
        draws: number of resamples of utterances.
        seed: decides every draw.
        metrics: name → function of confusion counts.
    Returns:
        dict name → `Interval`. A class may be absent from a resample; the mean over classes is then over the others.
    """
    counts, times, unit = resampling_units([predicted], reference, labels, speakers)
    whole = (counts * times[:, None, None, None]).sum(axis=0)[0]
    if unit == "speaker":
        return {
            name: student(metric(whole), *jackknife(counts, times, lambda summed: metric(summed[:, 0])), (0.0, 1.0))
            for name, metric in metrics.items()
        }
    sampled = sampled_scores(counts, times, draws, seed, metrics)
    return {
        name: Interval(float(metric(whole)), *percentiles(sampled[name][:, 0]), draws, unit)
        for name, metric in metrics.items()
    }


def jackknife(counts, times, statistic):
    """Standard error of a statistic over speakers, and the degrees of freedom of its estimate.

    counts, times: as `resampling_units` gives them; statistic: summed counts `(sums, systems, classes, classes + 1)` →
    `(sums,)`. Degrees of freedom: `effective_number` of the speakers less one.
    """
    without = (counts * times[:, None, None, None]).sum(axis=0) - counts
    values, number = statistic(without), times.sum()
    mean = np.average(values, weights=times)
    error = math.sqrt((number - 1) / number * (times * (values - mean) ** 2).sum())
    said = counts[:, 0].sum(axis=(1, 2))
    return error, effective_number(np.repeat(said, times)) - 1


def mean_error(errors, freedoms):
    """Standard error of the mean of independent scores, and its degrees of freedom (Satterthwaite, Biometrics 2, 1946).

    errors, freedoms: of each score, the latter infinite where the error is known.
    """
    squares = np.square(errors)
    weights = float(np.sum(squares**2 / np.asarray(freedoms, dtype=float)))
    return math.sqrt(squares.sum()) / len(squares), float(squares.sum() ** 2 / weights) if weights else math.inf


def effective_number(said):
    """How many speakers who say equally much tell as much as these: (Σn)² / Σn² (Kish). said: utterances of each."""
    said = np.asarray(said, dtype=float)
    return float(said.sum() ** 2 / (said**2).sum())


def student(value, error, freedom, bounds=(-math.inf, math.inf)):
    """The 95 % interval of Student's t around a value with that standard error, within bounds."""
    from scipy.stats import t

    half = float(t.ppf((1 + LEVEL) / 2, max(freedom, 1.0))) * error
    value = float(value)
    return Interval(value, max(bounds[0], value - half), min(bounds[1], value + half), 0, "speaker")


def sampled_scores(counts, times, draws, seed, metrics=METRICS):
    """Scores of bootstrap resamples: dict name → float array `(draws, systems)`; arguments as for `resamples`."""
    sampled = {name: [] for name in metrics}
    for drawn in resamples(counts, times, draws, seed):
        for name, metric in metrics.items():
            sampled[name].append(metric(drawn))
    return {name: np.concatenate(parts) for name, parts in sampled.items()}


def resampling_units(systems, reference, labels, speakers=None):
    """Group utterances into the units that are resampled.

    Args:
        systems: for each system, its predicted label of each utterance; resampled together, so that they stay paired.
        reference, labels, speakers: as for `intervals`.
    Returns:
        counts: int64 `(kinds, systems, classes, classes + 1)`, the confusion counts of each different unit.
        times: int64 `(kinds,)`, how many units are of that kind: speakers whose counts are the same are of one.
        unit: what a unit is, for `Interval.unit`.
    Raises:
        InputError: where there are no utterances or lengths differ.
    """
    columns = [np.asarray(column, dtype=str) for column in (reference, *systems)]
    if not len(reference) or len({len(column) for column in columns}) > 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise InputError(f"reference and predictions of {lengths} utterances; give as many of each, and at least one")
    index, unit = _speaker_of_each(speakers, len(reference))
    if index is None:
        table, times = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
        columns, index = table.T, np.arange(len(table))
    counts = _count(columns, index, labels)
    if unit == "speaker":
        counts, times = _distinct(counts)
    return counts, times, unit


def _count(columns, index, labels):
    """Confusion counts int64 `(units, systems, classes, classes + 1)` of the reference and each system's answers.

    columns: the reference and, for each system, its answers, str `(utterances,)`; index: the unit of each utterance.
    """
    parts = []
    for answers in columns[1:]:
        cells, which = np.unique(np.stack([columns[0], answers], axis=1), axis=0, return_inverse=True)
        of_cell = np.stack([confusion(cell[:1], cell[1:], labels).ravel() for cell in cells])
        units, size = int(index.max()) + 1, of_cell.shape[1]
        places = index * size + of_cell.argmax(axis=1)[which.ravel()]
        parts.append(np.bincount(places, minlength=units * size).reshape(units, len(labels), -1))
    return np.stack(parts, axis=1)


def _distinct(counts):
    """The different ones of `(units, …)` counts, in the order in which they first come, and how often each comes."""
    flat = np.ascontiguousarray(counts.reshape(len(counts), -1))
    rows = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1]))).ravel()
    _, first, times = np.unique(rows, return_index=True, return_counts=True)
    order = np.argsort(first)
    return counts[first[order]], times[order]


def resamples(counts, times, draws, seed):
    """Yield the summed counts of bootstrap resamples in chunks `(draws of this chunk, systems, classes, classes + 1)`.

    `counts` and `times` are those of `resampling_units`; each resample holds as many units as there are. seed: a number
    or a sequence of them.
    """
    random = np.random.default_rng(seed)
    total = times.sum()
    flat = counts.reshape(len(counts), -1).astype(float)  # float: BLAS multiplies it, and counts stay exact to 2 ** 53
    chunk = max(1, _CHUNK // max(flat.shape))
    for start in range(0, draws, chunk):
        picked = random.multinomial(total, times / total, size=min(chunk, draws - start))
        yield (picked @ flat).reshape(-1, *counts.shape[1:])


def fold_mean(values):
    """Mean of one score over folds with Student's t interval over the folds' values, cut to [0, 1].

    A bootstrap over a handful of folds is too narrow; t pays for the small number. Folds share training data, so the
    interval is still on the narrow side (Bengio and Grandvalet, JMLR 2004). With one fold the bounds are NaN.
    """
    from scipy.stats import t

    values = np.asarray(values, dtype=float)
    mean, folds = float(values.mean()), len(values)
    if folds < 2:
        return Interval(mean, math.nan, math.nan, 0, "fold (Student t)")
    half = float(t.ppf((1 + LEVEL) / 2, folds - 1) * values.std(ddof=1) / math.sqrt(folds))
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half), 0, "fold (Student t)")


def percentiles(sampled):
    """Lower and upper bound of the central 95 % of `(draws,)` values, without those that are NaN."""
    low, high = np.nanpercentile(sampled, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def _speaker_of_each(speakers, utterances):
    """The number of each utterance's speaker, and the unit's name; None for the numbers to resample utterances."""
    if speakers is None:
        return None, "utterance"
    if len(speakers) != utterances:
        raise InputError(f"{len(speakers)} speakers for {utterances} utterances; give one for each")
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    if len(names) < MIN_SPEAKERS:
        return None, f"utterance (only {len(names)} {'speaker' if len(names) == 1 else 'speakers'})"
    return index, "speaker"

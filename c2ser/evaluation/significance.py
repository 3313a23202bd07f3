"""Are two systems different on the same utterances? A permutation test over speakers, McNemar's exact test, Holm's
correction, and how large a difference would have to be to be seen at all."""

import math
from dataclasses import dataclass

import numpy as np

from c2ser.evaluation.bootstrap import (
    DRAWS,
    Interval,
    jackknife,
    percentiles,
    resampling_units,
    sampled_scores,
    student,
)
from c2ser.evaluation.metrics import METRICS

_Z_LEVEL, _Z_POWER = 1.959963984540054, 0.8416212335729143  # normal quantiles 0.975 and 0.8

ALL_SWAPS = 20
"""Up to so many speakers every way to swap the two systems' answers is gone through; beyond, random ones are drawn.
Over fewer than six p cannot be below 0.05: the smallest is 2 / 2^speakers."""

_CHUNK = 2_000_000  # numbers held at once: bounds the memory, never changes a result


@dataclass(frozen=True)
class Difference:
    """Score of system A minus score of system B with its 95 % interval, a two-sided p value of the permutation test, the
    smallest that the test can give, the standard error, and its degrees of freedom (infinite over utterances)."""

    interval: Interval
    p_value: float
    smallest_p: float
    error: float
    freedom: float


def paired_difference(reference, first, second, labels, speakers=None, draws=DRAWS, seed=0, metrics=METRICS):
    """The difference of two systems, and whether chance explains it.

    Were the systems alike, it would not matter whose answers are whose: those of the two are swapped, a whole speaker at
    a time, and the p value is the share of swaps, the observed one included, after which the scores of all utterances
    are at least as far apart as they are. This is exact for any score and any number of speakers, and allows for
    utterances of one speaker being alike (a sign-flip test; Good, Permutation, Parametric and Bootstrap Tests of
    Hypotheses, 2005). Up to `ALL_SWAPS` speakers all swaps are gone through, beyond, `draws` random ones are drawn.

    Args:
        reference: label of each utterance.
        first, second: the two systems' answers to the same utterances in the same order.
        labels, speakers, draws, seed, metrics: as for `bootstrap.intervals`.
    Returns:
        dict name → `Difference`. The interval over speakers is Student's t around the jackknife (see
        `bootstrap.intervals`), over utterances that of a paired bootstrap. Two systems with equal answers get p = 1.
    """
    counts, times, unit = resampling_units([first, second], reference, labels, speakers)
    whole = (counts * times[:, None, None, None]).sum(axis=0)
    sampled = sampled_scores(counts, times, draws, seed, metrics) if unit != "speaker" else None
    p_values, smallest = swapped(counts, times, draws, seed, metrics)
    result = {}
    for name, metric in metrics.items():
        value = float(metric(whole[0]) - metric(whole[1]))
        if unit == "speaker":
            error, freedom = jackknife(counts, times, lambda summed: metric(summed[:, 0]) - metric(summed[:, 1]))
            interval = student(value, error, freedom, (-1.0, 1.0))
        else:
            deltas = sampled[name][:, 0] - sampled[name][:, 1]
            interval, error, freedom = Interval(value, *percentiles(deltas), draws, unit), np.nanstd(deltas), math.inf
        result[name] = Difference(interval, p_values[name], smallest, float(error), freedom)
    return result


def swapped(counts, times, draws, seed, metrics):
    """p values of the permutation test that `paired_difference` describes: (name → p, the smallest possible p).

    counts, times: as `resampling_units` gives them, for two systems. Swapping a unit's answers adds to one system's
    counts what it takes from the other's: of units with equal counts, only how many are swapped matters.
    """
    middle = (counts.sum(axis=1) * times[:, None, None]).sum(axis=0) / 2
    half = (counts[:, 0] - counts[:, 1]) / 2
    flat, units = half.reshape(len(half), -1), int(times.sum())
    every = units <= ALL_SWAPS
    if every:  # the first unit stays: swapping all gives the same distance
        flat = np.repeat(flat, times, axis=0)
        total = 1 << (units - 1)
    else:
        random, total = np.random.default_rng(seed), draws
    apart = (half * times[:, None, None]).sum(axis=0)
    observed = {name: abs(metric(middle + apart) - metric(middle - apart)) for name, metric in metrics.items()}
    as_far, chunk = dict.fromkeys(metrics, 0), max(1, _CHUNK // max(flat.shape))
    for start in range(0, total, chunk):
        number = min(chunk, total - start)
        if every:
            bits = np.arange(start, start + number)[:, None] >> np.arange(units) & 1
            signs = 1.0 - 2.0 * bits
        else:
            signs = 2.0 * random.binomial(times, 0.5, size=(number, len(times))) - times
        moved = (signs @ flat).reshape(-1, *middle.shape)
        for name, metric in metrics.items():
            distances = np.abs(metric(middle + moved) - metric(middle - moved))
            as_far[name] += int((distances >= observed[name] - 1e-12).sum())
    if every:
        return {name: count / total for name, count in as_far.items()}, 1 / total
    return {name: (count + 1) / (total + 1) for name, count in as_far.items()}, 1 / (total + 1)


def mcnemar(reference, first, second):
    """Exact two-sided McNemar test on which utterances two systems answer rightly.

    Returns (utterances only the first answers rightly, utterances only the second does, p value). Under equal
    accuracy the discordant utterances fall to either side like a fair coin; without any the p value is 1.
    McNemar, Psychometrika 12 (1947). Utterances are taken as independent: speakers are not clustered here.
    """
    from scipy.stats import binom

    truth = np.asarray(reference)
    first_right, second_right = np.asarray(first) == truth, np.asarray(second) == truth
    only_first, only_second = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    p_value = 2 * binom.cdf(min(only_first, only_second), only_first + only_second, 0.5)
    return only_first, only_second, float(min(1.0, p_value))


def holm(p_values):
    """Holm's step-down correction: p values adjusted for testing all of them, in the order given.

    Holm, Scandinavian Journal of Statistics 6 (1979). The i-th smallest of m is multiplied by m − i (i from 0), kept
    non-decreasing and at most 1.
    """
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    result = np.empty_like(p_values)
    result[order] = np.minimum(adjusted, 1.0)
    return [float(value) for value in result]


def detectable_difference(error, freedom=math.inf):
    """Smallest true difference of a score that a two-sided t test at 5 % finds in 80 % of test sets like this one.

    error, freedom: the standard error of the difference and its degrees of freedom, as `Difference` has them. The error
    is itself an estimate from few speakers, whose median lies under the truth, and is divided by that of √(χ² / freedom);
    the difference, in errors, is the noncentrality at which Student's t has that power. Over utterances (infinite
    freedom) both are those of the normal distribution.
    """
    if not error:
        return 0.0
    if not math.isfinite(freedom):
        return (_Z_LEVEL + _Z_POWER) * error
    from scipy.optimize import brentq
    from scipy.stats import chi2, nct, t

    freedom = max(freedom, 1.0)
    critical = t.ppf(0.975, freedom)
    errors = brentq(lambda shift: nct.sf(critical, freedom, shift) - 0.8, 0.0, 4 * critical + 4)
    return float(errors * error / math.sqrt(chi2.median(freedom) / freedom))


def detectable_by_mcnemar(utterances, discordant):
    """Smallest true difference of accuracy that McNemar's test at 5 % finds in 80 % of test sets of this size.

    discordant: share of the utterances that exactly one of the two systems answers rightly. Solves
    δ √n = z √ψ + z' √(ψ − δ²) for δ (Connor, Biometrics 43, 1987, in the unknown difference); at most ψ, which is the
    difference where one system is never the worse one. 0 where the systems never differ: nothing can be said then.
    """
    share, first = discordant, _Z_LEVEL * math.sqrt(discordant)
    # δ √n − z √ψ = z' √(ψ − δ²), squared: a quadratic equation, of which the larger root solves the original
    a, b, c = utterances + _Z_POWER**2, -2 * math.sqrt(utterances) * first, first**2 - _Z_POWER**2 * share
    return min(share, (-b + math.sqrt(max(0.0, b**2 - 4 * a * c))) / (2 * a))

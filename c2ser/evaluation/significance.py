"""Are two systems different on the same utterances? Paired bootstrap, McNemar's exact test, Holm's correction, and how
large a difference would have to be to be seen at all."""

import math
from dataclasses import dataclass

import numpy as np

from c2ser.evaluation.bootstrap import DRAWS, Interval, percentiles, resampling_units, sampled_scores
from c2ser.evaluation.metrics import METRICS

_Z_LEVEL, _Z_POWER = 1.959963984540054, 0.8416212335729143  # normal quantiles 0.975 and 0.8


@dataclass(frozen=True)
class Difference:
    """Score of system A minus score of system B with its 95 % interval, a two-sided bootstrap p value and its standard
    error, the deviation of the draws."""

    interval: Interval
    p_value: float
    error: float


def paired_difference(reference, first, second, labels, speakers=None, draws=DRAWS, seed=0, metrics=METRICS):
    """Paired bootstrap of the difference of two systems: both are scored on the same resamples.

    Args:
        reference: label of each utterance.
        first, second: the two systems' answers to the same utterances in the same order.
        labels, speakers, draws, seed, metrics: as for `bootstrap.intervals`.
    Returns:
        dict name → `Difference`. The p value is twice the smaller share of draws on either side of zero (zero counts
        for both), with one draw added so that it is never 0; two systems with equal answers get 1.
    """
    counts, times, unit = resampling_units([first, second], reference, labels, speakers)
    whole = (counts * times[:, None, None, None]).sum(axis=0)
    sampled = sampled_scores(counts, times, draws, seed, metrics)
    result = {}
    for name, metric in metrics.items():
        deltas = sampled[name][:, 0] - sampled[name][:, 1]
        value = float(metric(whole[0]) - metric(whole[1]))
        tail = min((deltas <= 0).sum(), (deltas >= 0).sum())
        p_value = min(1.0, 2 * (tail + 1) / (draws + 1))
        result[name] = Difference(
            Interval(value, *percentiles(deltas), draws, unit), float(p_value), float(np.nanstd(deltas))
        )
    return result


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


def detectable_by_bootstrap(error):
    """Smallest true difference of a score that a two-sided test at 5 % finds in 80 % of test sets like this one.

    error: the standard error of the difference, as `Difference` has it. The normal approximation (z + z') · error; it
    inherits what the bootstrap resampled, so speakers count as units where they were.
    """
    return (_Z_LEVEL + _Z_POWER) * error


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

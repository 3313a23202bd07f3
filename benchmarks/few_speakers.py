#!/usr/bin/env python3
"""Do the statistics over few speakers keep their promises? Size, coverage and detectable differences by simulation.

    python benchmarks/few_speakers.py [--trials 2000] [--speakers 4 5 6 10 24] [--uneven 1.0]

Speakers are drawn whose accuracy varies by 8 points about one half, with 60 answers in four classes each; two systems
differ on each speaker by 8 points, up or down. Over many such test sets it prints
    size         how often two systems that are alike on average differ at p <= 0.05; 5 % are promised at most
    coverage     how often the 95 % intervals of UA, and of the difference, hold the truth
    detectable   the median difference of UA that a test set says it could detect, and the true one: that which a t test
                 with this many speakers finds in 80 % of test sets that differ by it (by simulation)
With --uneven speakers say unequally much, as in MELD, and the last is not known; effective is (Σn)² / Σn² of them.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from c2ser.evaluation.bootstrap import effective_number, intervals  # noqa: E402
from c2ser.evaluation.metrics import ua  # noqa: E402
from c2ser.evaluation.significance import detectable_difference, paired_difference  # noqa: E402

LABELS = np.array(["angry", "happy", "neutral", "sad"])
ANSWERS = 60
SPREAD = 0.08


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000, help="test sets of each size (default: %(default)s)")
    parser.add_argument("--speakers", type=int, nargs="+", default=[4, 5, 6, 10, 24], help="(default: %(default)s)")
    parser.add_argument("--uneven", type=float, default=0.0,
                        help="deviation of the logarithm of what a speaker says (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    return parser


def test_set(random, speakers, uneven=0.0):
    """Labels, two systems' answers and speakers of a test set whose systems are alike on average."""
    rounds = np.maximum(1, np.round(np.exp(random.normal(0, uneven, speakers)) * ANSWERS / 4)).astype(int)
    truth = np.tile(np.arange(4), rounds.sum())
    names = np.repeat(np.arange(speakers), 4 * rounds)
    level = random.normal(0.5, SPREAD, speakers)
    apart = random.normal(0, SPREAD, speakers)
    answers = []
    for sign in (0.5, -0.5):
        right = random.random(len(truth)) < np.clip(level + sign * apart, 0, 1)[names]
        answers.append(LABELS[np.where(right, truth, (truth + random.integers(1, 4, len(truth))) % 4)])
    return LABELS[truth], *answers, names.astype(str)


def simulate(random, speakers, trials, uneven):
    """Of `trials` test sets: shares (size, coverage of UA, coverage of the difference), medians (detectable, effective
    number of speakers)."""
    found = np.zeros((trials, 5))
    for trial in range(trials):
        truth, first, second, names = test_set(random, speakers, uneven)
        of_both = paired_difference(truth, first, second, LABELS, names, 2000, trial, {"ua": ua})["ua"]
        of_one = intervals(truth, first, LABELS, names, metrics={"ua": ua})["ua"]
        found[trial] = (
            of_both.p_value <= 0.05,
            of_one.low <= 0.5 <= of_one.high,
            of_both.interval.low <= 0 <= of_both.interval.high,
            detectable_difference(of_both.error, of_both.freedom),
            effective_number(np.unique(names, return_counts=True)[1]),
        )
    return *found[:, :3].mean(axis=0), *np.median(found[:, 3:], axis=0)


def truly_detectable(random, speakers, trials):
    """The difference that a t test over speakers' differences of UA finds in 80 % of test sets, by bisection."""
    from scipy.stats import t

    critical = t.ppf(0.975, speakers - 1)
    noise = random.normal(0, 1, (trials, speakers)) * np.sqrt(SPREAD**2 + 2 * 0.25 / ANSWERS)
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        seen = noise + middle
        power = (np.abs(seen.mean(1)) > critical * seen.std(1, ddof=1) / np.sqrt(speakers)).mean()
        low, high = (middle, high) if power < 0.8 else (low, middle)
    return (low + high) / 2


def main(argv=None):
    args = get_parser().parse_args(argv)
    random = np.random.default_rng(args.seed)
    print("speakers  effective   size %   coverage of UA %   of the difference %   detectable, points   truly   ratio")
    for speakers in args.speakers:
        size, one, both, detectable, effective = simulate(random, speakers, args.trials, args.uneven)
        true = None if args.uneven else truly_detectable(random, speakers, 40_000)
        known = "      –       –" if true is None else f"{100 * true:7.1f} {detectable / true:7.2f}"
        print(f"{speakers:8d} {effective:10.1f} {100 * size:8.1f} {100 * one:18.1f} {100 * both:21.1f} "
              f"{100 * detectable:20.1f} {known}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

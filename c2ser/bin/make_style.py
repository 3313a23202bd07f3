"""Cut speed, pitch and volume into low, medium and high: fits on the training directory alone, writes utt2style.

Every directory needs the tables of its --measures (c2ser extract-prosody), as utt2f0, utt2loudness and utt2rate are those of
the paper's three. A level is `low` under mean − std and `high` over mean + std of the population, the intonation as it was
measured; what could not be measured is `unknown`. An utterance whose group has no statistics (a new speaker, say) is cut
by those of the whole training directory; how many were is printed. The population `auto` takes corpora and languages apart,
and the pitch and its range by gender; where that is not known, the pitch in semitones over the speaker's median, from the
speaker's utterances in the same directory.
"""

import argparse
import logging
from collections import Counter
from math import isnan

from c2ser.bin.common import str_to_bool
from c2ser.datadir import DataDir
from c2ser.errors import InputError
from c2ser.prosody import f0, style

GROUPS = {"auto": "corpus, language or gender"}
"""What a population's groups are called, where not as the population."""


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train_dir", required=True, help="data directory whose utterances the statistics come from")
    parser.add_argument("--out_dirs", required=True, nargs="+", help="data directories that get a utt2style")
    parser.add_argument("--population", default="auto", choices=style.POPULATIONS,
                        help="over whom mean and deviation are taken (default: %(default)s)")  # fmt: skip
    parser.add_argument("--measures", nargs="+", default=list(style.PAPER), choices=style.MEASURES, metavar="MEASURE",
                        help=f"out of {', '.join(style.MEASURES)} (default: {' '.join(style.PAPER)})")  # fmt: skip
    parser.add_argument("--reliable_only", type=str_to_bool, default=False,
                        help="unknown where utt2reliable does not name the measure (default: false)")  # fmt: skip
    parser.add_argument("--f0_method", default="swift", choices=f0.METHODS,
                        help="how F0 was measured, noted for whoever measures more (default: %(default)s)")  # fmt: skip
    parser.add_argument("--min_group_size", type=int, default=style.MIN_GROUP_SIZE,
                        help="measured training utterances that a group needs for statistics of its own "
                        "(default: %(default)s)")  # fmt: skip
    parser.add_argument("--stats", required=True, help="JSON file that the statistics are written to")
    return parser


def main(argv=None):
    """Fit, label every directory, then write the statistics and the labels."""
    args = get_parser().parse_args(argv)
    train, measures = DataDir(args.train_dir), [measure for measure in style.MEASURES if measure in args.measures]
    statistics, reliable = {}, args.reliable_only
    for measure in measures:
        if measure != "intonation":  # whose levels are measured, not cut
            groups = style.population_groups(train, args.population, measure)
            values = _values(train, measure, reliable)
            statistics[measure] = style.StyleStatistics.fit(values, groups, args.min_group_size)
    if args.population == "auto" and "pitch" in measures:
        relative = style.relative_pitch(_values(train, "pitch", reliable), train.read("utt2spk"))
        groups = style.population_groups(train, args.population)
        statistics[style.RELATIVE_PITCH] = style.StyleStatistics.fit(relative, groups, args.min_group_size)
    labelled = [(data, _levels(data, measures, statistics, args)) for data in map(DataDir, args.out_dirs)]
    languages = sorted(set(train.read("utt2lang", optional=True).values()))
    further = {"told": measures, "languages": languages, "reliable_only": reliable, "f0_method": args.f0_method}
    style.save_statistics(args.stats, statistics, args.population, **further)
    for data, levels in labelled:
        data.write("utt2style", {utterance: style.format_style(level) for utterance, level in levels.items()})


def _values(data, measure, reliable_only):
    """Utterance → float of the table that a measure is cut from (of the intonation, the word), checked to hold every
    utterance; NaN (`UNCERTAIN`) where it is not reliable, if that is asked for."""
    table = style.MEASURES[measure]
    values, read = {}, data.read(table)
    trusted = data.read("utt2reliable") if reliable_only else {}
    for utterance in data.utterances():
        try:
            trust = trusted[utterance] if reliable_only else measure
            values[utterance] = style.value_of(measure, read[utterance], trust)
        except KeyError:
            lacking = table if utterance not in read else "utt2reliable"
            raise InputError(f"{data.path}/{lacking}: no entry for {utterance}; run c2ser extract-prosody") from None
        except ValueError:
            raise InputError(f"{data.path}/{table}: {utterance}: {read[utterance]!r} is not a number") from None
    return values


def _levels(data, measures, statistics, args):
    """Utterance → {measure: level} of a directory; logs how often each level and the fallback was used."""
    population = args.population
    levels = {utterance: {} for utterance in data.utterances()}
    for measure in measures:
        values, without = _values(data, measure, args.reliable_only), []
        if measure == "intonation":
            for utterance, value in values.items():
                levels[utterance][measure] = style.UNKNOWN if value == style.UNCERTAIN else value
        else:
            groups, statistic = style.population_groups(data, population, measure), statistics[measure]
            known = (utterance for utterance in levels if not isnan(values[utterance]))
            without = [utterance for utterance in known if groups.get(utterance) not in statistic.groups]
            for utterance, value in values.items():
                levels[utterance][measure] = statistic.level(value, groups.get(utterance))
        if population == "auto" and measure == "pitch":
            relative, statistic = style.relative_pitch(values, data.read("utt2spk")), statistics[style.RELATIVE_PITCH]
            groups = style.population_groups(data, population)
            for utterance in without:
                levels[utterance][measure] = statistic.level(relative[utterance], groups.get(utterance))
        counts = Counter(level[measure] for level in levels.values())
        shown = " ".join(f"{level}={counts[level]}" for level in (*style.STATES[measure], style.UNKNOWN))
        logging.info("%s: %s: %s", data.path, measure, shown)
        if population != "corpus" and without:
            by = "their speakers' own" if population == "auto" and measure == "pitch" else "the whole training directory"
            logging.info("%s: %s: %d of %d utterances cut by %s: their %s has no statistics", data.path, measure,
                         len(without), len(levels), by, GROUPS.get(population, population))  # fmt: skip
    return levels

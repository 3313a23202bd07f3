"""Cut speed, pitch and volume into low, medium and high: fits on the training directory alone, writes utt2style.

Every directory needs utt2f0, utt2loudness and utt2rate (c2ser extract-prosody). A level is `low` under mean − std
and `high` over mean + std of the population; a value that could not be measured is `unknown`. An utterance whose
group has no statistics (a new speaker, say) is cut by those of the whole training directory; how many were is
printed. The population `auto` takes corpora and languages apart, and the pitch by gender; where that is not known, the
pitch in semitones over the speaker's median, from the speaker's utterances in the same directory.
"""

import argparse
import logging
from collections import Counter
from math import isnan

from c2ser.datadir import DataDir
from c2ser.errors import InputError
from c2ser.prosody import style

GROUPS = {"auto": "corpus, language or gender"}
"""What a population's groups are called, where not as the population."""


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train_dir", required=True, help="data directory whose utterances the statistics come from")
    parser.add_argument("--out_dirs", required=True, nargs="+", help="data directories that get a utt2style")
    parser.add_argument("--population", default="auto", choices=style.POPULATIONS,
                        help="over whom mean and deviation are taken (default: %(default)s)")  # fmt: skip
    parser.add_argument("--min_group_size", type=int, default=style.MIN_GROUP_SIZE,
                        help="measured training utterances that a group needs for statistics of its own "
                        "(default: %(default)s)")  # fmt: skip
    parser.add_argument("--stats", required=True, help="JSON file that the statistics are written to")
    return parser


def main(argv=None):
    """Fit, label every directory, then write the statistics and the labels."""
    args = get_parser().parse_args(argv)
    train = DataDir(args.train_dir)
    groups = {measure: style.population_groups(train, args.population, measure) for measure in style.MEASURES}
    statistics = {
        measure: style.StyleStatistics.fit(_values(train, measure), groups[measure], args.min_group_size)
        for measure in style.MEASURES
    }
    if args.population == "auto":
        relative = style.relative_pitch(_values(train, "pitch"), train.read("utt2spk"))
        statistics[style.RELATIVE_PITCH] = style.StyleStatistics.fit(relative, groups["speed"], args.min_group_size)
    labelled = [(data, _levels(data, statistics, args.population)) for data in map(DataDir, args.out_dirs)]
    style.save_statistics(args.stats, statistics, args.population)
    for data, levels in labelled:
        data.write("utt2style", {utterance: style.format_style(level) for utterance, level in levels.items()})


def _values(data, measure):
    """Utterance → float of the table that a measure is cut from, checked to hold every utterance."""
    table = style.MEASURES[measure]
    values, read = {}, data.read(table)
    for utterance in data.utterances():
        try:
            values[utterance] = float(read[utterance])
        except KeyError:
            raise InputError(f"{data.path}/{table}: no entry for {utterance}; run c2ser extract-prosody") from None
        except ValueError:
            raise InputError(f"{data.path}/{table}: {utterance}: {read[utterance]!r} is not a number") from None
    return values


def _levels(data, statistics, population):
    """Utterance → {measure: level} of a directory; logs how often each level and the fallback was used."""
    levels = {utterance: {} for utterance in data.utterances()}
    for measure in style.MEASURES:
        groups, statistic = style.population_groups(data, population, measure), statistics[measure]
        values = _values(data, measure)
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
        shown = " ".join(f"{level}={counts[level]}" for level in (*style.LEVELS, style.UNKNOWN))
        logging.info("%s: %s: %s", data.path, measure, shown)
        if population != "corpus" and without:
            by = "their speakers' own" if population == "auto" and measure == "pitch" else "the whole training directory"
            logging.info("%s: %s: %d of %d utterances cut by %s: their %s has no statistics", data.path, measure,
                         len(without), len(levels), by, GROUPS.get(population, population))  # fmt: skip
    return levels

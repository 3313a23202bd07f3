"""Write a data directory with some of the utterances of another."""

import argparse

from c2ser.datadir.operations import subset
from c2ser.datadir.summary import report_written


def get_parser():
    parser = argparse.ArgumentParser(prog="subset_data_dir", description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--utt-list", "--utt_list", metavar="FILE", help="the utterances that start its lines")
    choice.add_argument("--spk-list", "--spk_list", metavar="FILE", help="all of the speakers that start its lines")
    choice.add_argument("--first", type=int, metavar="N", help="the first N in byte order")
    choice.add_argument("--per-class", "--per_class", type=int, metavar="N", help="N of each emotion, at random")
    parser.add_argument("--seed", type=int, default=0, help="decides what --per_class draws (default: 0)")
    parser.add_argument("source", help="the data directory to take from")
    parser.add_argument("destination", help="the data directory to write")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    subset(**vars(args))
    report_written(args.destination, args.source)

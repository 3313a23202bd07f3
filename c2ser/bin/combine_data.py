"""Write one data directory with the utterances of several."""

import argparse

from c2ser.datadir.operations import combine
from c2ser.datadir.summary import report_written


def get_parser():
    parser = argparse.ArgumentParser(prog="combine_data", description=__doc__)
    parser.add_argument("destination", help="the data directory to write")
    parser.add_argument("sources", nargs="+", help="the data directories to take from; no utterance may be in two")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    partial = combine(args.destination, args.sources)
    report_written(args.destination, *args.sources)
    for table, without in partial.items():
        print(f"{table} left out: absent from {', '.join(without)}")

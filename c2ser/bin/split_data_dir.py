"""Split a data directory into parts of about equal size, for parallel jobs: <data_dir>/split<parts>/1, 2, …"""

import argparse

from c2ser.datadir.operations import split


def get_parser():
    parser = argparse.ArgumentParser(prog="split_data_dir", description=__doc__)
    parser.add_argument(
        "--per-utt",
        "--per_utt",
        action="store_true",
        help="divide speakers, too; the parts then lie in <data_dir>/split<parts>utt/",
    )
    parser.add_argument("source", metavar="data_dir", help="the data directory to split")
    parser.add_argument("parts", type=int, help="how many parts")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    print(f"{args.source}: {args.parts} parts in {split(**vars(args))[0].parent}")

"""Write a copy of a data directory, its utterances and speakers renamed where asked for."""

import argparse
import sys

from c2ser.datadir.operations import copy
from c2ser.datadir.summary import report_written


def get_parser():
    parser = argparse.ArgumentParser(prog="copy_data_dir", description=__doc__)
    parser.add_argument("--utt-prefix", "--utt_prefix", default="", help="put before every utterance id")
    parser.add_argument("--utt-suffix", "--utt_suffix", default="", help="put after every utterance id")
    parser.add_argument("--spk-prefix", "--spk_prefix", default="", help="put before every speaker id")
    parser.add_argument("--spk-suffix", "--spk_suffix", default="", help="put after every speaker id")
    parser.add_argument(
        "--no-spk-sort",
        "--no_spk_sort",
        action="store_true",
        help="utterance ids need not start with their speaker's id afterwards",
    )
    parser.add_argument("source", help="the data directory to copy")
    parser.add_argument("destination", help="the data directory to write")
    return parser


def join_values(argv):
    """`--utt-suffix -sp0.9` → `--utt-suffix=-sp0.9`: argparse takes a value that starts with a dash for an option."""
    joined = []
    for argument in argv:
        if joined and joined[-1].startswith("--") and joined[-1].endswith("fix"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def main(argv=None):
    args = vars(get_parser().parse_args(join_values(sys.argv[1:] if argv is None else argv)))
    spk_sort = not args.pop("no_spk_sort")
    copy(**args, spk_sort=spk_sort)
    report_written(args["destination"], args["source"])

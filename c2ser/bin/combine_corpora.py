"""Join prepared corpora to data directories over all of them, with a table of what each brings.

c2ser combine-corpora --corpus casia=data/corpora/casia --corpus emovo=data/corpora/emovo --data_dir data

Written are all, fold<k>/{train,train_nodev,dev,test}, test/<corpus>/fold<k>, by which each corpus is scored, and, with
--leave_out true, without_<corpus>/{train,train_nodev,dev,test}. Every id starts with its corpus; utt2corpus holds it.
"""

import argparse

from c2ser.bin.common import str_to_bool
from c2ser.corpora.joint import combine_corpora
from c2ser.evaluation.results import format_table


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--corpus", action="append", type=name_and_folder, required=True, metavar="NAME=FOLDER",
        help="a corpus and what c2ser prepare-data wrote for it; once for each corpus",
    )  # fmt: skip
    parser.add_argument("--data_dir", default="data", help="where the joint sets are written (default: %(default)s)")
    parser.add_argument(
        "--leave_out", nargs="?", const=True, default=False, type=str_to_bool, metavar="true|false",
        help="for each corpus also write sets that train on the others and test on it (default: false)",
    )  # fmt: skip
    return parser


def name_and_folder(value):
    """Split "casia=data/corpora/casia" into name and folder. Anything else is an argparse error."""
    name, equals, folder = value.partition("=")
    if not name or not equals or not folder:
        raise argparse.ArgumentTypeError(f"{value!r}: expected name=folder, such as casia=data/corpora/casia")
    return name, folder


def main(argv=None):
    """Join the corpora and print what each brings, what was written and what was left out."""
    args = get_parser().parse_args(argv)
    rows, lines = combine_corpora(args.corpus, args.data_dir, args.leave_out)
    print(format_table(rows))
    print("\n".join(lines))

"""Mend a data directory: encoding marks, line ends, blanks, order, identical duplicates, utterances that some table
lacks, spk2utt. What it changes it keeps in .backup/; what only a person can mend stops it before anything is changed.
"""

import argparse

from c2ser.bin.validate_data_dir import add_check_options, check_options
from c2ser.datadir.fix import fix
from c2ser.datadir.summary import summary


def get_parser():
    parser = argparse.ArgumentParser(prog="fix_data_dir", description=__doc__)
    add_check_options(parser)
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    mended = fix(args.data_dir, **check_options(args))
    if not mended.changed:
        print(f"{summary(args.data_dir)}: nothing to mend")
        return
    print(f"{summary(args.data_dir)}: mended {', '.join(mended.changed)}; before: {args.data_dir}/.backup")
    print(f"{len(mended.removed)} ids were left out, listed in {args.data_dir}/.backup/removed_utterances")
    for key, why in mended.removed.items():
        print(f"  {key}: {why}")

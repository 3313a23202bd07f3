"""Copy tables into a data directory, for its utterances only. Raises an error where a table lacks one."""

import argparse
from pathlib import Path

from c2ser.datadir import DataDir, read_entries


def get_parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="Data directory that receives the tables")
    parser.add_argument("tables", type=Path, nargs="+", help="Tables over at least its utterances")
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    data = DataDir(args.data_dir)
    utterances = data.utterances()
    for path in args.tables:
        table = read_entries(path, utterances)
        data.write(path.name, {utterance: table[utterance] for utterance in utterances})

"""Baseline: label every utterance of a set with the class that is most frequent in training.

Writes utt2pred, posteriors (the shares of the classes in training), labels, decode.json. Of equally frequent classes
the first in the project's order is taken.
"""

import argparse
import logging
from pathlib import Path

from c2ser.baselines.majority import class_shares
from c2ser.datadir import DataDir
from c2ser.datadir.faults import some
from c2ser.inference.results import most_probable, write_results


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train_dir", type=Path, required=True, help="Data directory whose classes are counted")
    parser.add_argument("--data_dir", type=Path, required=True, help="The set to label")
    parser.add_argument("--out_dir", type=Path, required=True, help="Folder of the results")
    return parser


def main(argv=None):
    """Count and write."""
    args = get_parser().parse_args(argv)
    shares, count, without = class_shares(DataDir(args.train_dir))
    if without:
        logging.info("%s: %d utterances have no emotion and do not count: %s",
                     args.train_dir, len(without), some(without))  # fmt: skip
    utterances = DataDir(args.data_dir).utterances()
    labels = list(shares)
    posteriors = dict.fromkeys(utterances, tuple(shares.values()))
    predicted = most_probable(labels, posteriors)
    account = {
        "mode": "majority", "utterances": len(utterances), "train_dir": str(args.train_dir), "train_utterances": count,
        "train_unlabelled": len(without), "shares": shares,
    }  # fmt: skip
    write_results(args.out_dir, labels, {"utt2pred": predicted, "posteriors": posteriors}, account)
    logging.info("%s: %d utterances labelled %s", args.out_dir, len(utterances), predicted[utterances[0]])

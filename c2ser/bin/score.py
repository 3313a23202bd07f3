"""Score predictions on one test set, or on several pooled."""

import argparse
import json
from pathlib import Path

from c2ser.bin.common import run
from c2ser.errors import InputError
from c2ser.evaluation.predictions import TABLES, read_set
from c2ser.evaluation.results import format_table, score_rows
from c2ser.evaluation.scoring import score_sets
from c2ser.fileio import atomic_write


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data_dir", nargs="+", required=True, help="test sets: directories with utt2emo and utt2spk")
    parser.add_argument("--decode_dir", nargs="+", required=True, help="what was decoded of each, in the same order")
    parser.add_argument("--pred", choices=TABLES, default=TABLES[0], help="which predictions to score")
    parser.add_argument("--out", required=True, help="the score file, .json; the confusion matrix is drawn beside it")
    parser.add_argument("--draws", type=int, default=10000, help="bootstrap draws")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap")
    parser.add_argument(
        "--unit", choices=("speaker", "utterance"), default="speaker", help="what to resample, where speakers suffice"
    )
    return parser


def main(argv=None):
    """Read, score, write the score file and the picture, print one row."""
    args = get_parser().parse_args(argv)
    out = Path(args.out)
    if out.suffix != ".json":
        raise InputError(f"--out {out}: must end in .json")
    if len(args.data_dir) != len(args.decode_dir):
        raise InputError(
            f"{len(args.data_dir)} --data_dir but {len(args.decode_dir)} --decode_dir: give one decoding for each set"
        )
    if args.draws < 1:
        raise InputError(f"--draws {args.draws}: at least 1 is needed")
    sets = [read_set(*pair, args.pred) for pair in zip(args.data_dir, args.decode_dir)]
    score = score_sets(sets, args.pred, args.draws, args.seed, args.unit)
    write_picture(score, out.with_suffix(".png"))
    with atomic_write(out) as stream:
        json.dump(score, stream, indent=1, ensure_ascii=False, allow_nan=False)
        stream.write("\n")
    print(format_table(score_rows({str(out): score})))


def write_picture(score, path):
    """Draw the confusion matrix of a score."""
    from c2ser.evaluation.plots import confusion_matrix

    mode = (score["decode"] or {}).get("mode")
    ua = 100 * score["scores"]["ua"]["value"]
    title = ", ".join(filter(None, (mode, score["table"], f"n = {score['n']}", f"UA {ua:.1f} %")))
    confusion_matrix(score["confusion"], score["labels"], title, path)


if __name__ == "__main__":
    run(main)

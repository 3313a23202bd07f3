"""Turn a copy of a corpus, as published, into data directories: stage 1 of every recipe.

c2ser prepare-data --corpus casia --root /corpora/casia --data_dir data
"""

import argparse

from c2ser import corpora
from c2ser.corpora.prepare import prepare
from c2ser.errors import InputError


def get_parser():
    """The command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--corpus", required=True, help=f"{', '.join(corpora.available())}, or the path of your own module"
    )
    parser.add_argument("--root", required=True, help="directory of the corpus, or one above it")
    parser.add_argument("--data_dir", default="data", help="where all, fold<k> or train, dev and test are written")
    parser.add_argument("--folds", default="", help='only these folds, e.g. "1 2"; empty: all of them')
    parser.add_argument(
        "--allow_missing", type=int, default=0,
        help="how many of the published utterances may be missing, and how many may lack their transcript",
    )  # fmt: skip
    parser.add_argument(
        "--dev_speakers", type=int, default=1, help="speakers cut from a fold's train for dev; 0: no dev is made"
    )
    return parser


def main(argv=None):
    """Prepare one corpus and print what was found, left out and written."""
    args = get_parser().parse_args(argv)
    if not args.root.strip():
        raise InputError(f"--root is empty: set the path of {args.corpus} in db.sh or the environment")
    if args.allow_missing < 0 or args.dev_speakers < 0:
        raise InputError("--allow_missing and --dev_speakers are numbers from 0")
    folds = args.folds.split()
    if not all(fold.isdigit() for fold in folds):
        raise InputError(f'--folds {args.folds!r}: expected numbers such as "1 2"')
    lines = prepare(
        corpora.load(args.corpus),
        args.root,
        args.data_dir,
        wanted_folds=[int(fold) for fold in folds] or None,
        allow_missing=args.allow_missing,
        dev_speakers=args.dev_speakers,
    )
    print("\n".join(lines))

"""Check a data directory and list its faults; nothing is changed."""

import argparse

from c2ser.bin.common import str_to_bool
from c2ser.datadir.summary import summary
from c2ser.datadir.validate import REQUIRED, validate


def add_check_options(parser):
    """Options that checking and mending share."""
    parser.add_argument(
        "--no-spk-sort",
        "--no_spk_sort",
        action="store_true",
        help="utterance ids need not start with their speaker's id",
    )
    parser.add_argument("--emotions", help="labels that utt2emo may hold, in quotes; default: all that are known")
    parser.add_argument("data_dir", help="the data directory, such as data/train")


def check_options(args):
    """Those options as keywords of `validate` and `fix`."""
    return {"spk_sort": not args.no_spk_sort, "emotions": args.emotions.split() if args.emotions else None}


def get_parser():
    parser = argparse.ArgumentParser(prog="validate_data_dir", description=__doc__)
    parser.add_argument("--no-wav", "--no_wav", action="store_true", help="wav.scp may be absent")
    parser.add_argument("--no-text", "--no_text", action="store_true", help="text may be absent")
    parser.add_argument("--no-emo", "--no_emo", action="store_true", help="utt2emo may be absent, as for a test set")
    parser.add_argument(
        "--check-audio",
        "--check_audio",
        type=str_to_bool,
        default=False,
        metavar="true|false",
        help="decode every recording (default: false)",
    )
    parser.add_argument(
        "--allow-commands",
        "--allow_commands",
        type=str_to_bool,
        default=False,
        metavar="true|false",
        help="with --check_audio: run the commands that wav.scp holds (default: false)",
    )
    add_check_options(parser)
    return parser


def main(argv=None):
    args = get_parser().parse_args(argv)
    absent = {"wav.scp": args.no_wav, "text": args.no_text, "utt2emo": args.no_emo}
    validate(
        args.data_dir,
        require=[table for table in REQUIRED if not absent.get(table)],
        check_audio=args.check_audio,
        allow_commands=args.allow_commands,
        **check_options(args),
    )
    print(f"{summary(args.data_dir)}: no faults")

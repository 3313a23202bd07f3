"""What commands share: how they end on bad input, how they read true and false, options of the bootstrap."""

import argparse
import logging
import sys

from c2ser.errors import InputError


def run(main):
    """Run a command's `main`; print an InputError as one message without a traceback and exit with status 1."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        sys.exit(main())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def str_to_bool(value):
    """Read "true" or "false", as the shell options of a recipe do. Anything else is an argparse error."""
    if value not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{value!r}: expected true or false")
    return value == "true"


def add_bootstrap_options(parser):
    """Add --draws, --seed and --unit: how intervals and paired tests are drawn."""
    parser.add_argument("--draws", type=int, default=10000,
                        help="of the bootstrap over utterances, or of swaps of more than 20 speakers (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: %(default)s)")
    parser.add_argument(
        "--unit", choices=("speaker", "utterance"), default="speaker",
        help="what counts as one observation, where speakers suffice (default: %(default)s)",
    )  # fmt: skip

"""What every command shares: how it ends on bad input, and how it reads true and false."""

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

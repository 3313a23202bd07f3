"""The one exception for input that a user can mend."""

import textwrap


class InputError(Exception):
    """Bad input: a file, a line, an utterance or an option that the user can correct.

    The message names where the fault is (file, line, utterance) and what to do about it. Commands print it
    without a traceback and exit with status 1; every other exception is a bug in this project.
    """


def brief(error):
    """What a library says in an exception, as a part of a message: on one line, cut where it goes on."""
    return textwrap.shorten(str(error), 300, placeholder=" …") or type(error).__name__

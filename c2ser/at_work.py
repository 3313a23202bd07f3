"""What a job is at, told to run.py in memory, which names it where the job crashes and cannot say so itself.

run.py's environment names the place; elsewhere nothing is told. A full disk does not hinder it.
"""

import os
from contextlib import suppress
from functools import cache

PLACE = "C2SER_AT_WORK"


def at_work(utterances):
    """Tell the utterance, or the utterances of a batch, that the next lines are about."""
    stream = _stream(os.getpid())
    if stream is not None:
        told = utterances if isinstance(utterances, str) else " ".join(utterances)
        with suppress(OSError):
            os.pwrite(stream, told.encode("utf-8", "replace") + b"\n", 0)


def told(descriptor):
    """What a job has told last; "" where it has told nothing."""
    return os.pread(descriptor, 4096, 0).partition(b"\n")[0].decode("utf-8", "replace")


@cache
def _stream(_process):
    with suppress(KeyError, OSError):
        return os.open(os.environ[PLACE], os.O_WRONLY)
    return None

"""ESPnet's launcher of distributed training, without what puzzles on a terminal: whole command lines, tracebacks.

    python3 -m c2ser.tasks.launch --cmd run.py --log exp/a/train.log --ngpu 8 -- c2ser train-c2ser …

The options are the launcher's. The log holds the command, and run.py or slurm.py tell on stderr which job failed. The
file by which processes on several machines find each other lies beside the log, and goes with the job.
"""

import glob
import io
import logging
import os
import signal
import sys
from contextlib import redirect_stderr
from pathlib import Path

from c2ser.bin.common import run
from c2ser.errors import InputError


def main(argv=None):
    """Launch and wait; returns the exit status, 130 after Ctrl-C."""
    from espnet2.bin import launch

    argv = sys.argv[1:] if argv is None else argv
    log = Path(launch.get_parser().parse_args(argv).log)
    every = f".dist_init_{log.stem}_"
    own = f"{every}{os.getpid()}_"
    interrupted, left = [], own
    signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))  # the job ends first, then this
    try:
        with redirect_stderr(io.StringIO()):
            launch.main(["--init_file_prefix", str(log.parent / own), *argv])
        left = every  # the training has ended: those of launchers that were killed go, too
    except RuntimeError as error:
        if interrupted:
            return 128 + signal.SIGINT
        reported = str(error) in ("", "None") or "The last 1000 lines" in str(error)
        if not reported:
            raise InputError(str(error)) from None
        return 1
    finally:
        for path in log.parent.glob(f"{glob.escape(left)}*"):
            path.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())  # basicConfig then leaves what the launcher logs unheard
    run(main)

#!/usr/bin/env python3
"""Run jobs through Slurm, with the command line and the logs of utils/run.py:

    utils/slurm.py [--config conf/slurm.conf] [--max-jobs-run N] [--gpu N] [--num-threads N] [--mem X] [--time T] …
        JOB=1:8 log/x.JOB.log program arguments … JOB …

What an option means to sbatch stands in conf/slurm.conf, in Kaldi's form; an option that it does not know is an error:

    command sbatch --export=ALL --requeue
    option gpu=* -p gpu --gres=gpu:$0
    option gpu=0 -p cpu
    default gpu=0

The jobs go in as one array, of which --max-jobs-run run at a time. The script and what sbatch says lie in q/ beside the
logs. Every job sources path.sh, if there is one, and runs its part through run.py. The status is that of a single job,
or 1 if any of several failed, or one left the queue without an end. Ctrl-C or SIGTERM cancels the array.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from c2ser.bin.common import run  # noqa: E402
from c2ser.recipe.slurm import main  # noqa: E402

if __name__ == "__main__":
    if sys.argv[1:] in (["--help"], ["-h"]):
        sys.exit(print(__doc__))
    run(lambda: main(sys.argv[1:]))

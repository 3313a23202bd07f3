#!/usr/bin/env python3
"""Run jobs on this machine, with Kaldi's contract:

    utils/run.py [--max-jobs-run N] [--gpu N] [--num-threads N] JOB=1:8 log/x.JOB.log program arguments … JOB …
    utils/run.py log/x.log program arguments …

JOB (or whatever name stands before the range) is replaced by the job's number in the log's name and in every argument.
The program is started as it stands, without a shell: blanks, quotes and `|` reach it untouched. For a pipe write
`bash -c 'set -o pipefail; a | b'`. Without --max-jobs-run there run as many jobs at a time as there are processors
(divided by --num-threads) or, with --gpu N, sets of N devices, of which each job sees one. The jobs at a time share the
processors: each gets its part as OMP_NUM_THREADS, divided among its GPUs, --num-threads at most. A log holds the
command, the start, all output, time and exit status; while jobs run, stderr tells how far their logs say they are. The
status is that of a single job, or 1 if any of several failed; stderr then names the logs of the failed ones and shows
the end of the first. Ctrl-C or SIGTERM ends the jobs, too.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from c2ser.bin.common import run  # noqa: E402
from c2ser.recipe.local import main  # noqa: E402

if __name__ == "__main__":
    if sys.argv[1:] in (["--help"], ["-h"]):
        sys.exit(print(__doc__))
    run(lambda: main(sys.argv[1:]))

"""Kill the tiny recipe at random moments of all its stages, and compare its end with the unbroken run's.

    python -m tests.survival --kills 60 [--seed 0] [--folder /tmp/survival]

Prints a line for each kill, then what the comparison finds; the status is 0 where it finds nothing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.egs.test_recipe import TEMPLATE, write_polish, write_whisper
from tests.survival.compare import differences, left_over
from tests.survival.kills import Recipe, survive

MADE = 5 * 3 * 2 * 2
"""Recordings of the small corpus: speakers, emotions, words, repetitions."""
CONF = {
    "num_iters_per_epoch: 15": "num_iters_per_epoch: 3", "num_iters_per_epoch: 5": "num_iters_per_epoch: 3",
    "use_tensorboard: true": "use_tensorboard: false", "explicit: 150": "explicit: 30",
}  # fmt: skip
"""What is made smaller still than conf/tiny."""


def make(root):
    """The tiny recipe in a new folder `root`."""
    folder = root / "polish" / "c2ser1"
    subprocess.run([TEMPLATE / "setup.sh", folder], check=True, capture_output=True)
    (folder / "conf").unlink()
    shutil.copytree(TEMPLATE / "conf", folder / "conf")
    for path in (folder / "conf/tiny").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for before, after in CONF.items():
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")
    write_polish(root / "POLISH", ("nie", "tak"), 2)
    write_whisper(root / "whisper.pt")
    command = ["./run.sh", "--conf", "conf/tiny", "--whisper", root / "whisper.pt", "--llm", "scratch", "--tag", "t"]
    command += ["--allow_missing", 450 - MADE]
    return Recipe(folder, tuple(command), {"OMP_NUM_THREADS": "1", "POLISH": str(root / "POLISH")})


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    parser.add_argument("--folder", type=Path, help="where to work, a new one; default: a temporary one, removed at the end")
    args = parser.parse_args(argv)
    folder = args.folder or Path(tempfile.mkdtemp(prefix="survival_"))
    logs = folder / "logs"
    logs.mkdir(parents=True)
    began = time.monotonic()
    unbroken, broken = make(folder / "whole"), make(folder / "broken")
    durations = unbroken.run(logs / "whole.log")[0]
    told = ", ".join(f"{stage}: {seconds:.1f}" for stage, seconds in durations.items())
    print(f"unbroken run: {sum(durations.values()):.0f} s; seconds a stage: {told}", flush=True)
    kills = survive(broken, args.kills, durations, args.seed, logs, lambda line: print(line, flush=True))
    found = differences(unbroken.folder, broken.folder)
    found += [f"{name} is left over" for name in left_over(broken.folder)]
    stages = Counter(kill.stage for kill in kills if not kill.whole)
    print(f"{sum(stages.values())} kills in {time.monotonic() - began:.0f} s; in each stage: "
          + ", ".join(f"{stage}: {stages[stage]}" for stage in sorted(stages)))  # fmt: skip
    for line in found:
        print(f"fault: {line}")
    print(f"{len(found)} faults: " + ("see above" if found else "files, tables, answers, weights and results are the same"))
    if not args.folder:
        shutil.rmtree(folder)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

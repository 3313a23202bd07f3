"""What befalls the tiny recipe in long runs, at every stage; its end is compared with that of an unbroken run.

    python -m tests.survival --kills 60 [--seed 0]     SIGKILL at random moments
    python -m tests.survival --disk                    a full disk, and folders that may not be written

Prints a line for each, then what the comparison finds; the status is 0 where it finds nothing. A short form of both is in
the tests.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.egs.test_recipe import TEMPLATE, smaller_conf, write_polish, write_whisper
from tests.survival.compare import differences, left_over, lost
from tests.survival.disks import disk, hinder, steps
from tests.survival.kills import Recipe, survive

STAGES = range(1, 15)
MADE = 5 * 3 * 2 * 2
"""Recordings of the small corpus: speakers, emotions, words, repetitions."""


def make(root):
    """The tiny recipe in a new folder `root`."""
    folder = root / "polish" / "c2ser1"
    subprocess.run([TEMPLATE / "setup.sh", folder], check=True, capture_output=True)
    smaller_conf(folder)
    write_polish(root / "POLISH", ("nie", "tak"), 2)
    write_whisper(root / "whisper.pt")
    command = ["./run.sh", "--conf", "conf/tiny", "--whisper", root / "whisper.pt", "--llm", "scratch", "--tag", "t"]
    command += ["--allow_missing", 450 - MADE]
    return Recipe(folder, tuple(command), {"OMP_NUM_THREADS": "1", "POLISH": str(root / "POLISH")})


def kill(args, say):
    """Kill the recipe, and compare. Returns the faults, in words."""
    logs, began = args.folder / "logs", time.monotonic()
    unbroken = make(args.folder / "it")
    durations = unbroken.run(logs / "whole.log")[0]
    told = ", ".join(f"{stage}: {seconds:.1f}" for stage, seconds in durations.items())
    say(f"unbroken run: {sum(durations.values()):.0f} s; seconds a stage: {told}")
    whole = (args.folder / "it").rename(args.folder / "whole") / "polish/c2ser1"
    broken = make(args.folder / "it")  # the same place, as tables and hashes of them hold paths
    kills, faults = survive(
        broken, args.kills, durations, args.seed, logs, lambda: compared(whole, broken.folder), say
    )
    stages = Counter(kill.stage for kill in kills)
    say(f"{sum(stages.values())} kills in {time.monotonic() - began:.0f} s; in each stage: "
        + ", ".join(f"{stage}: {stages[stage]}" for stage in sorted(stages)))  # fmt: skip
    return faults


def hindered(args, say):
    """Take room and permissions from the recipe, and compare. Returns the faults, in words."""
    logs = args.folder / "logs"
    with disk(args.folder / "disk", "256m") as place:
        added = steps(make(place / "it"), STAGES, logs, place)
        whole = (place / "it").rename(place / "whole") / "polish/c2ser1"
        say("kB that each stage writes: " + ", ".join(f"{stage}: {size >> 10}" for stage, size in added.items()))
        recipe = make(place / "it")
        return hinder(recipe, added, logs, place, Random(args.seed), say) + compared(whole, recipe.folder)


def compared(whole, other):
    """What is not alike, in words."""
    return differences(whole, other) + [f"{name} is left over" for name in left_over(other)] + lost(other, MADE)


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--kills", type=int, help="how often")
    what.add_argument("--disk", action="store_true", help="a full disk and read-only folders at every stage; for root only")
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    parser.add_argument("--folder", type=Path, help="where to work, a new one; default: a temporary one, removed at the end")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="survival_") as folder:
        args.folder = (args.folder or Path(folder, "it")).resolve()
        (args.folder / "logs").mkdir(parents=True)
        faults = (hindered if args.disk else kill)(args, lambda line: print(line, flush=True))
    for line in faults:
        print(f"fault: {line}")
    same = "files, tables, answers, weights and results are the same, and no utterance is lost"
    print(f"{len(faults)} faults: {'see above' if faults else same}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

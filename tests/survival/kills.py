"""A recipe that is killed again and again, and whether its end is that of one that was not.

Each kill waits until the recipe says that it has come to a stage, then a random part of the time that the stage took in
the unbroken run, and sends SIGKILL to the recipe with all that it has started.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import NamedTuple

STAGE = re.compile(r" stage (\d+): ")
VERDICT = re.compile(r"^\[(run|resume|redo)\] ([^:]+):")
POLL, PATIENCE = 0.01, 30
"""Seconds between looks at a recipe's output, and for what is killed to go."""


class Kill(NamedTuple):
    """stage: the recipe was in; seconds: since it came to the stage that was waited for; work: what it was at, as
    `[verdict] marker`."""

    stage: int
    seconds: float
    work: str

    def __str__(self):
        return f"stage {self.stage:2} after {self.seconds:5.2f} s, at {self.work}"


class Recipe(NamedTuple):
    """folder: of run.sh; command: its words; environment: beside that of this process."""

    folder: Path
    command: tuple
    environment: dict

    def start(self, log):
        """The recipe in a process group of its own, its output in the file `log`."""
        with open(log, "wb") as stream:
            return subprocess.Popen(
                [str(word) for word in self.command], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=stream,
                stderr=subprocess.STDOUT, env={**os.environ, **self.environment}, start_new_session=True,
            )  # fmt: skip

    def run(self, log):
        """Run to the end. Returns (stage → seconds, stages in order; what it has said)."""
        process, began = self.start(log), {}
        while process.poll() is None:
            for stage in stages_in(log):
                began.setdefault(stage, time.monotonic())
            time.sleep(POLL)
        text = log.read_text(encoding="utf-8")
        assert process.returncode == 0, text[-3000:]
        edges = [*began.values(), time.monotonic()]
        return {stage: end - start for stage, start, end in zip(began, edges, edges[1:])}, text

    def kill(self, log, stage, seconds):
        """Run until `seconds` after it has come to a stage, then kill all of it. Returns the Kill, None where it
        has ended before.

        Raises AssertionError where something of it lives on.
        """
        process, moment = self.start(log), None
        while process.poll() is None and (moment is None or time.monotonic() < moment + seconds):
            if moment is None and stage in stages_in(log):
                moment = time.monotonic()
            time.sleep(POLL)
        if process.poll() is not None:
            assert process.returncode == 0, log.read_text(encoding="utf-8")[-3000:]
            return None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + PATIENCE  # what is killed needs a moment to go
        while at_work := [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self.holds(pid)]:
            assert time.monotonic() < deadline, f"still at work after the kill: {at_work}"
            time.sleep(POLL)
        text = log.read_text(encoding="utf-8")
        reached = (stages_in(log) or [0])[-1]
        marks = [line.partition(":")[0] for line in text.splitlines() if line.startswith("[")]
        return Kill(reached, seconds, marks[-1] if marks else "the start")

    def clear(self):
        """Remove what the recipe has made."""
        for part in ("data", "dump", "exp"):
            shutil.rmtree(self.folder / part)

    def holds(self, pid):
        """Whether a living process works in the recipe's folder."""
        try:
            if Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z":
                return False
            return Path(os.readlink(f"/proc/{pid}/cwd")).is_relative_to(self.folder)
        except OSError:
            return False


def stages_in(log):
    """The stages that a recipe says it has come to, in order."""
    return [int(number) for number in STAGE.findall(log.read_text(encoding="utf-8", errors="replace"))]


def moments(kills, durations, random):
    """(stage, seconds) of every kill: stages in turn get the same number, the moments in each are random, in order."""
    share = Counter(stage for _, stage in zip(range(kills), sorted(durations) * kills))
    return [
        (stage, durations[stage] * part)
        for stage in sorted(share)
        for part in sorted(random.random() for _ in range(share[stage]))
    ]


def survive(recipe, kills, durations, seed, logs, compare, say=print):
    """Kill a recipe `kills` times, then run it to its end and once more. Returns the kills, and the faults in words.

    durations: stage → seconds of the unbroken run; logs: a folder; compare: () → the faults of the recipe at its end. Where
    the machine has become faster, so that the recipe ends before it is killed, it is compared and begins anew, and
    later kills come sooner. Raises AssertionError where a run fails, or the last one still finds anything to do.
    """
    done, faults, pace, waiting = [], [], 1.0, moments(kills, durations, Random(seed))
    while waiting:
        stage, seconds = waiting[0]
        kill = recipe.kill(logs / f"kill{len(done) + 1}.log", stage, pace * seconds)
        if kill is None:
            say("it has ended before; compared, and begun anew")
            faults, pace = faults + compare(), 0.7 * pace
            recipe.clear()
            continue
        done.append(kill)
        waiting.pop(0)
        say(f"kill {len(done):2} of {kills}: {kill}")
    for name in ("last", "again"):
        text = recipe.run(logs / f"{name}.log")[1]
        work = [" ".join(found.groups()) for found in map(VERDICT.match, text.splitlines()) if found]
        say(f"{name}: {', '.join(work) or 'nothing to do'}")
    assert not work, work
    return done, faults + compare()

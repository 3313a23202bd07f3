"""A recipe on a disk that is full, or in folders that may not be written, at every stage.

Each stage is run with too little room, or with one of its folders read-only: it must end with a line that names a file, what
is wrong with it and what to do, and leave nothing half-written. With room again, the same command completes.
"""

import re
import shutil
import subprocess
from contextlib import contextmanager

from tests.survival.compare import left_over

CLEAR = re.compile(r"^(?!Traceback).*\S/\S+.*(No space left on device|Read-only file system|is full)", re.MULTILINE)
PARTS = ("data", "dump", "exp/t", "exp/t/fold1")
"""Folders that are made read-only one after the other."""


@contextmanager
def disk(folder, size):
    """A disk of `size` bytes at a folder. Raises OSError, with the reason, where none can be mounted."""
    folder.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", f"size={size}", "none", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def mount(*options):
    """Raises OSError, with the reason, where it may not be done."""
    done = subprocess.run(["mount", *map(str, options)], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"nothing can be mounted here: {done.stderr.strip()}")


@contextmanager
def read_only(folder):
    """Inside, nothing can be written below a folder, not even by root."""
    mount("--bind", folder, folder)
    try:
        mount("-o", "remount,bind,ro", folder)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def room(folder, size):
    """Inside, there are only `size` bytes left on the disk of a folder."""
    ballast = folder / "ballast"
    with open(ballast, "wb") as stream:
        for _ in range(max(0, shutil.disk_usage(folder).free - size) >> 12):
            stream.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink()


def step(recipe, stage, log):
    """Run one stage. Returns (status, what it said)."""
    options = ["--stage", str(stage), "--stop_stage", str(stage)]
    process = recipe._replace(command=(*recipe.command, *options)).start(log)
    return process.wait(), log.read_text(encoding="utf-8")


def steps(recipe, stages, logs, place):
    """Run the stages one by one. Returns stage → bytes that it added to the disk of `place`."""
    added = {}
    for stage in stages:
        before = shutil.disk_usage(place).used
        status, text = step(recipe, stage, logs / f"whole{stage}.log")
        assert status == 0, text[-3000:]
        added[stage] = shutil.disk_usage(place).used - before
    return added


def hinder(recipe, added, logs, place, random, say=print):
    """Run the stages one by one, each with too little room and with each folder read-only before it may end. Returns the
    faults, in words."""
    faults = []
    for stage, size in added.items():
        little, before = int(size * random.uniform(0, 0.8)), place / "before"
        shutil.copytree(recipe.folder, before, symlinks=True)
        trials = [(f"{little >> 10} of {size >> 10} kB left", room(place, little))]
        trials += [(f"{part} read-only", read_only(recipe.folder / part)) for part in PARTS if (recipe.folder / part).is_dir()]
        for number, (what, hindrance) in enumerate(trials):
            with hindrance:
                status, text = step(recipe, stage, logs / f"hindered{stage}_{number}.log")
            if not status:  # it does not write there; or the next trial would find nothing to do
                shutil.rmtree(recipe.folder)
                shutil.copytree(before, recipe.folder, symlinks=True)
            told = [line for line in text.splitlines() if CLEAR.search(line)]
            say(f"stage {stage:2}, {what}: {told[-1].strip() if status and told else f'status {status}'}")
            if status and not told:
                faults.append(f"stage {stage}, {what}: no clear message:\n{text[-2000:]}")
            if "Traceback" in text:
                faults.append(f"stage {stage}, {what}: a traceback:\n{text[-2000:]}")
            faults += [f"stage {stage}, {what}: {name} is left over" for name in left_over(recipe.folder, begun=False)]
        shutil.rmtree(before)
        status, text = step(recipe, stage, logs / f"room{stage}.log")
        if status:
            faults.append(f"stage {stage} does not complete with room again:\n{text[-3000:]}")
            break
    return faults

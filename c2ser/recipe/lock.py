"""Who is at work where: a lock names host, process and the process' start, so that one left by a crash is told apart.

exp/<tag>/.lock is the lock of a run. Stages that several runs share (data/, dump/, exp/llm) look through all of them.
Where the owner is a process of this machine, the process says whether it lives. Of another machine, which shares the
file system, or another container, no process number means anything: there a lock is stale when it has not been renewed
for LOST seconds, by the file system's own clock.
"""

import fcntl
import os
import sys
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from c2ser.errors import InputError
from c2ser.fileio import atomic_write, place

LOCK, GUARD = ".lock", ".guard"
PERIOD, LOST = 30, 600
"""Seconds between renewals of a lock, and after the last one until another machine may take it over. What a network file
system tells of a file may itself be a minute old."""


class Owner(NamedTuple):
    """A process. start: when it began, in whatever words the system has for it; two processes never share all three."""

    host: str
    pid: int
    start: str

    def __str__(self):
        return f"{self.host} {self.pid} {self.start}"

    @classmethod
    def of(cls, pid):
        """The owner that a process of this host is."""
        return cls(os.uname().nodename, pid, start_of(pid))

    @classmethod
    def parse(cls, text):
        """What `str` gave, whatever follows; None for anything else, such as a file that a full disk has cut off."""
        words = text.split()
        return cls(words[0], int(words[1]), words[2]) if len(words) >= 3 and words[1].isdigit() else None

    def is_here(self):
        """Whether its process number means anything to this process: host, boot and container are the same."""
        return self.host == os.uname().nodename and self.start.startswith(place())


def start_of(pid):
    """When a process of this host started, without blanks; "" where there is none."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").is_file():
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else f"{place()}{fields[19]}"
    import subprocess  # only here: every stage starts this module

    listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True).stdout
    return "_".join(listed.split())


def read(folder):
    """The owner of a folder's lock, alive or not; None where there is none."""
    try:
        return Owner.parse(Path(folder, LOCK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def take(folder, pid):
    """Lock a folder for a process of this host. A lock whose owner is gone is taken over; of another machine's, a line
    on stderr says so.

    Raises InputError, naming the owner, where another living process holds it.
    """
    folder, mine = Path(folder), Owner.of(pid)
    folder.mkdir(parents=True, exist_ok=True)
    with guarded(folder):
        other = read(folder)
        if other and other != mine:
            if alive(folder, other):
                raise InputError(f"{folder}: {describe(folder, other)}; wait for its end, or give this one another --tag")
            if not other.is_here():
                silent = f"has not been renewed for {age(folder) / 60:.0f} minutes"
                print(f"{folder}: the lock of process {other.pid} of {other.host} {silent}: taken over", file=sys.stderr)
        with atomic_write(folder / LOCK) as stream:
            stream.write(f"{mine} {datetime.now():%Y-%m-%dT%H:%M}\n")


def keep(folder, pid, period=PERIOD):
    """Renew a process' lock of a folder every `period` seconds, as long as the process lives and it is its lock. A file
    system that does not answer is asked again."""
    mine = Owner.of(pid)
    while start_of(pid) == mine.start:
        with suppress(OSError):
            if read(folder) != mine:
                return
            os.utime(Path(folder, LOCK))
        time.sleep(period)


def give_back(folder, pid):
    """Remove the lock of a folder, where it is this process'."""
    if read(folder) == Owner.of(pid):
        Path(folder, LOCK).unlink(missing_ok=True)


def check(folder, pid):
    """Raise InputError where a process has lost its lock of a folder: it was halted for long, or someone removed it."""
    other = read(folder)
    if other != Owner.of(pid):
        who = describe(folder, other) if other else f"{Path(folder, LOCK)} has been removed"
        raise InputError(f"{folder}: this run has lost its lock: {who}; run the same command again when nobody is there")


def alive(folder, owner):
    """Whether a lock's owner is at work still."""
    return start_of(owner.pid) == owner.start if owner.is_here() else age(folder) < LOST


def age(folder):
    """Seconds since a folder's lock was renewed. Both times are the file system's, as clocks of machines differ."""
    guard = Path(folder).parent / GUARD
    os.utime(guard)
    try:
        return max(0.0, guard.stat().st_mtime - Path(folder, LOCK).stat().st_mtime)
    except FileNotFoundError:
        return LOST


def others(folder):
    """Yield (folder, owner) of the living locks beside a run's own."""
    for path in sorted(Path(folder).parent.glob(f"*/{LOCK}")):
        owner = read(path.parent)
        if owner and path.parent.name != Path(folder).name and alive(path.parent, owner):
            yield path.parent, owner


def describe(folder, owner):
    """Who holds a lock, since when, and, where only its renewal tells whether that is true, when it will be free."""
    since = (Path(folder, LOCK).read_text(encoding="utf-8").split()[3:] or ["?"])[0].replace("T", " ")
    words = f"a run is at work there, process {owner.pid} of {owner.host} since {since}"
    if not owner.is_here():
        words += (
            f", which renewed its lock {age(folder):.0f} s ago (where it is gone, the lock is free {LOST // 60} minutes "
            f"after its last renewal, or once you remove {Path(folder, LOCK)})"
        )
    return words


@contextmanager
def guarded(folder):
    """Inside, no other process of this kind decides anything about folders beside this one."""
    with open(Path(folder).parent / GUARD, "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError:
            pass  # some network file systems have no such locks; what remains is a race of milliseconds
        yield

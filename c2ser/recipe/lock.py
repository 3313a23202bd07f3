"""Who is at work where: a lock names host, process and the process' start, so that one left by a crash is told apart.

exp/<tag>/.lock is the lock of a run. Stages that several runs share (data/, dump/, exp/llm) look through all of them.
"""

import fcntl
import os
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from c2ser.errors import InputError
from c2ser.fileio import atomic_write

LOCK, GUARD = ".lock", ".guard"


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
        """What `str` gave; None for anything else, such as a file that a full disk has cut off."""
        words = text.split()
        return cls(words[0], int(words[1]), words[2]) if len(words) == 3 and words[1].isdigit() else None

    def lives(self):
        """Whether the process is there still. Of another host it cannot be known, and is taken for granted."""
        return self.host != os.uname().nodename or start_of(self.pid) == self.start


def start_of(pid):
    """When a process of this host started, without blanks; "" where there is none."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").is_file():
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else f"{boot}:{fields[19]}"
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
    """Lock a folder for a process of this host. A lock whose owner is gone is taken over.

    Raises InputError, naming the owner, where another living process holds it.
    """
    folder, mine = Path(folder), Owner.of(pid)
    folder.mkdir(parents=True, exist_ok=True)
    with guarded(folder):
        other = read(folder)
        if other and other != mine and other.lives():
            raise InputError(f"{folder}: {describe(folder, other)}; wait for its end, or give this one another --tag")
        with atomic_write(folder / LOCK) as stream:
            stream.write(f"{mine}\n")


def others(folder):
    """Yield (folder, owner) of the living locks beside a run's own."""
    for path in sorted(Path(folder).parent.glob(f"*/{LOCK}")):
        owner = read(path.parent)
        if owner and path.parent.name != Path(folder).name and owner.lives():
            yield path.parent, owner


def describe(folder, owner):
    """Who holds a lock, since when, and what to do where that cannot be true."""
    since = datetime.fromtimestamp(Path(folder, LOCK).stat().st_mtime).strftime("%Y-%m-%d %H:%M")
    words = f"a run is at work there, process {owner.pid} of {owner.host} since {since}"
    if owner.host != os.uname().nodename:
        words += f" (if it is gone, remove {Path(folder, LOCK)})"
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

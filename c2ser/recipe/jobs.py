"""Kaldi's job contract: `[options] [JOB=1:8] log/x.JOB.log program arguments …`, read and reported in one place."""

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from c2ser.errors import InputError
from c2ser.fileio import ROOM

RANGE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=([0-9]+)(?::([0-9]+))?")
TAIL = 15
"""How many lines of a failed job's log are shown."""


class Request(NamedTuple):
    """A command line of run.py or slurm.py.

    options: name with underscores → value; variable: the name that stands for the job's number ("JOB"), or None for a
    single job; numbers: of the jobs, from 1; log: the log's path; command: program and arguments.
    """

    options: dict[str, str]
    variable: str | None
    numbers: range
    log: str
    command: list[str]

    def log_of(self, number):
        """The log of one job."""
        return Path(_put_in(self.log, self.variable, number))

    def command_of(self, number):
        """Program and arguments of one job."""
        return [_put_in(argument, self.variable, number) for argument in self.command]


def parse(argv, known=None):
    """Read a command line. Options stand in front, or beside JOB=1:8 as Kaldi allows, and each has a value.

    known: the option names that are understood, or None where somebody else decides. Raises InputError for an unknown
    option, a missing value, a wrong range, several jobs that would share one log, or no command.
    """
    rest, options, variable, numbers = list(argv), {}, None, range(1, 2)
    while rest:
        match = RANGE.fullmatch(rest[0])
        if rest[0].startswith("-"):
            name = rest.pop(0)
            key = "max_jobs_run" if name == "-tc" else name.lstrip("-").replace("-", "_")
            if known is not None and key not in known:
                raise InputError(f"unknown option {name}; known are {', '.join('--' + option for option in known)}")
            if not rest:
                raise InputError(f"option {name}: its value is missing")
            options[key] = rest.pop(0)
        elif match and variable is None:
            variable, first, last = match[1], int(match[2]), int(match[3] or match[2])
            if not 1 <= first <= last:
                raise InputError(f"{rest[0]}: jobs are counted from 1, and the range must not be empty")
            numbers = range(first, last + 1)
            rest.pop(0)
        else:
            break
    if len(rest) < 2:
        raise InputError("expected [options] [JOB=1:8] log/x.JOB.log program arguments …")
    if len(numbers) > 1 and variable not in rest[0]:
        raise InputError(f"log {rest[0]}: {len(numbers)} jobs would share it; put {variable} into its name")
    return Request(options, variable, numbers, rest[0], rest[1:])


def positive(options, name, default):
    """An option that is an integer from 1. Raises InputError for another value."""
    value = options.get(name, str(default))
    if not re.fullmatch("[1-9][0-9]*", value):
        raise InputError(f"--{name.replace('_', '-')} {value}: expected an integer from 1")
    return int(value)


def shell(command):
    """A command as one line that a shell would read back, for logs."""
    return " ".join(map(shlex.quote, command))


def report_failures(program, request, failed):
    """Tell on stderr which jobs failed, and how the log of the first of them ends. `failed`: number → reason."""
    logs = [str(request.log_of(number)) for number in failed]
    print(f"{program}: {len(failed)} / {len(request.numbers)} jobs failed:", file=sys.stderr)
    for log, why in zip(logs, failed.values()):
        print(f"  {log}: {why}", file=sys.stderr)
    if shutil.disk_usage(Path(logs[0]).parent).free < ROOM:  # what a job says of it may not have found room in its log
        print(f"The disk of {Path(logs[0]).parent} is full: make room, then run the same command again", file=sys.stderr)
    if Path(logs[0]).is_file():
        lines = Path(logs[0]).read_text(encoding="utf-8", errors="replace").splitlines()
        print(f"The end of {logs[0]}:", file=sys.stderr)
        print("\n".join(f"  | {line}" for line in lines[-TAIL:]), file=sys.stderr)


def exit_status(request, failed):
    """What run.py and slurm.py end with: a single job's own status, where its reason has one (`code 143 …`); otherwise 1
    where a job failed, and 0. failed: number → reason."""
    own = re.match(r"code ([1-9]\d*)", failed.get(request.numbers[0], ""))
    return int(own[1]) if own and len(request.numbers) == 1 else int(bool(failed))


def _put_in(text, variable, number):
    return text.replace(variable, str(number)) if variable else text

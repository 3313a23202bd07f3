"""Running jobs on this machine, as many at a time as are allowed. The engine of utils/run.py."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from textwrap import shorten

from c2ser.at_work import PLACE, told
from c2ser.bin.common import with_remedy
from c2ser.errors import InputError
from c2ser.recipe.jobs import exit_status, parse, positive, report_failures, shell
from c2ser.recipe.progress import Progress

OPTIONS = ("max_jobs_run", "gpu", "num_threads", "mem", "time", "name", "num_nodes", "config")
"""What run.py accepts. mem, time, name and config mean something to slurm.py only; scripts give them to either."""

POLL = 0.02
GRACE = 30.0
"""Seconds between looks at the running jobs, and for a job to end after SIGTERM before it gets SIGKILL: as long as
Slurm waits, for the checkpoint of a training."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv):
    """run.py: run what the command line asks for; returns the exit status, see `exit_status`."""
    request = parse(argv, OPTIONS)
    if request.options.get("num_nodes", "1") != "1":
        raise InputError("--num_nodes: run.py has this machine only; use slurm.py (cmd_backend=slurm in cmd.sh)")
    wanted = positive(request.options, "num_threads", 0) if "num_threads" in request.options else None
    devices = _device_sets(request.options.get("gpu", "0"))
    at_once = len(devices) or max(1, _processors() // (wanted or 1))
    most = min(positive(request.options, "max_jobs_run", at_once), len(request.numbers))
    threads = threads_of_a_job(_processors(), most, int(request.options.get("gpu", "0")), wanted)
    failed = Pool(request, threads, devices, most).run()
    if failed:
        report_failures("run.py", request, failed)
    return exit_status(request, failed)


def threads_of_a_job(processors, jobs, gpus=0, wanted=None):
    """Threads of each process of a job, such that all jobs at once have no more threads than there are processors.

    jobs: at once; gpus: of a job, each of which has a process of its own; wanted: what --num-threads asks for, of a
    job. OMP_NUM_THREADS, where it is set, is the most that the machine's owner grants all of them together.
    """
    granted = os.environ.get("OMP_NUM_THREADS", "")
    share = min(processors, int(granted) if granted.isdigit() and int(granted) else processors) // jobs
    return max(1, min(share, wanted or share) // max(1, gpus))


class Pool:
    """The jobs of one request, `most` at once, each process of them with `threads` threads. devices: sets of GPUs, as
    CUDA_VISIBLE_DEVICES names them, that jobs take turns with."""

    def __init__(self, request, threads, devices, most):
        self.request, self.threads, self.most = request, threads, most
        self.free = devices * -(-most // len(devices)) if devices else [None] * most
        self.running = {}
        self.ended = []
        self.failed = {}
        self.progress = Progress(request)

    def run(self):
        """Run every job, also after one has failed. Returns number → reason of the failed ones, in order."""
        waiting = list(self.request.numbers)
        with caught_signals() as received:
            try:
                while waiting or self.running:
                    while waiting and len(self.running) < self.most and not received:
                        self._start(waiting.pop(0))
                    self._collect()
                    if received:
                        self.progress.close()
                        print(f"run.py: {signal.Signals(received[0]).name}: ending the jobs", file=sys.stderr)
                        raise SystemExit(128 + received[0])
                    self.progress.show(self.running, self.ended)
                    time.sleep(POLL)
            finally:
                self.progress.close()
                if self.running:
                    self._terminate()
        return dict(sorted(self.failed.items()))

    def _start(self, number):
        command, log = self.request.command_of(number), self.request.log_of(number)
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            # Slurm starts a job again that it took the node from: what it had said is kept
            again = os.environ.get("SLURM_RESTART_COUNT", "0") != "0"
            stream = open(log, "ab" if again else "wb", buffering=0)
            header = shell(command).replace("\n", "\n# ")
            stream.write(f"# {header}\n# Started at {_now()}\n#\n".encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise InputError(f"{log}: the log cannot be written: {with_remedy(error)}") from None
        device = self.free.pop(0)
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.threads)}
        if device is not None:
            environment["CUDA_VISIBLE_DEVICES"] = device
        note = os.memfd_create("at_work") if hasattr(os, "memfd_create") else None
        if note is not None:
            environment[PLACE] = f"/proc/{os.getpid()}/fd/{note}"
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=environment
            )
        except OSError as error:
            stream.write(f"{command[0]}: {error.strerror}\n".encode())
            process = None
        self.running[number] = process, stream, device, started, note
        if process is None:
            self._end(number, 127)

    def _collect(self):
        for number, (process, *_) in list(self.running.items()):
            if process.poll() is not None:
                self._end(number, process.returncode)

    def _end(self, number, code):
        _, stream, device, started, note = self.running.pop(number)
        self.free.append(device)
        self.ended.append(number)
        seconds = round(time.monotonic() - started)
        code = 128 - code if code < 0 else code
        why = f"code {code}" + (f" (signal {code - 128})" if code > 128 else "")
        last = ""
        if note is not None:
            last = told(note) if code else ""
            os.close(note)
            why += f", at {shorten(last, 200)}" if last else ""
        try:
            stream.write(
                (f"# At work on {last}\n" if last else "").encode()
                + f"# Accounting: time={seconds} threads={self.request.options.get('num_threads', self.threads)}\n"
                f"# Ended (code {code}) at {_now()}, elapsed time {seconds} seconds\n".encode()
            )
            stream.close()
        except OSError as error:
            why += f"; its log cannot be written: {with_remedy(error)}"
            code = code or 1
        if code:
            self.failed[number] = why

    def _terminate(self):
        """End the jobs with all that they have started, and close their logs."""
        tree = _descendants()
        for asked in (signal.SIGTERM, signal.SIGKILL):
            for child in tree:
                _kill(child, asked)
            deadline = time.monotonic() + GRACE
            while time.monotonic() < deadline and not _processes().keys().isdisjoint(tree):
                for process, *_ in self.running.values():
                    process.poll()
                time.sleep(POLL)
        for number, (process, *_) in list(self.running.items()):
            self._end(number, process.wait())


@contextmanager
def caught_signals():
    """Inside, Ctrl-C, SIGTERM and SIGHUP are only noted: yields the list of their numbers, for the caller to look at.

    Nothing is cut off half-way, as it would be by an exception. Signals that are ignored (nohup) stay ignored.
    """
    received = []
    caught = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda number, _frame: received.append(number)) for number in caught}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _device_sets(gpus):
    """`--gpu N` → the visible devices in sets of N, or [] where none is asked for. Raises InputError where there are
    fewer."""
    if not gpus.isdigit():
        raise InputError(f"--gpu {gpus}: expected a number of devices")
    count = int(gpus)
    if count == 0:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = _installed_devices() if visible is None else [name for name in visible.split(",") if name.strip()]
    if len(names) < count and not Path("/dev/kfd").exists():  # AMD's, which nvidia-smi does not list
        raise InputError(f"--gpu {count}: {len(names)} GPUs are to be seen here; --ngpu 0 uses the CPU")
    return [",".join(names[first : first + count]) for first in range(0, len(names) - count + 1, count)]


def _installed_devices():
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    except OSError:
        return []
    return [str(number) for number, _ in enumerate(line for line in listed.splitlines() if line.startswith("GPU "))]


def _processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _descendants():
    """Process ids of everything that this process has started, directly or not; parents stand before their children."""
    parents, found = _processes(), [os.getpid()]
    for parent in found:  # grows while it is walked through
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found[1:]


def _processes():
    """Living process → its parent, for all of this machine."""
    if Path("/proc/self/stat").is_file():
        listed = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                listed.append([stat.parent.name, *stat.read_text(errors="replace").rpartition(")")[2].split()[:2]])
            except OSError:
                continue  # it has ended meanwhile
    else:
        done = subprocess.run(["ps", "-A", "-o", "pid=,state=,ppid="], capture_output=True, text=True)
        listed = [line.split() for line in done.stdout.splitlines()]
    return {int(child): int(parent) for child, state, parent in listed if not state.startswith("Z")}


def _kill(process, number):
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def _now():
    return datetime.now().astimezone().strftime("%a %b %d %H:%M:%S %Z %Y")

"""Running jobs through Slurm as one job array. The engine of utils/slurm.py."""

import glob
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.recipe.jobs import exit_status, parse, positive, report_failures, shell
from c2ser.recipe.local import caught_signals
from c2ser.recipe.progress import Progress

CONFIG = "conf/slurm.conf"
DEFAULT_CONFIG = """
command sbatch --export=ALL --requeue --open-mode=append
option name=* --job-name $0
option time=* --time $0
option mem=* --mem-per-cpu $0
option mem=0
option num_threads=* --cpus-per-task $0 --ntasks-per-node=1
option num_nodes=* --nodes $0
option gpu=* --gres=gpu:$0
option gpu=0
"""
"""Used where there is no conf/slurm.conf. Partitions differ from site to site: name yours there."""

RUN = Path(__file__).resolve().parents[2] / "utils" / "run.py"
POLL, LONGEST_POLL = 0.1, 2.0
QUEUE_POLL, LONGEST_QUEUE_POLL = 1.0, 15.0
"""Seconds between looks at the finished jobs and at the queue, at first and at last."""

ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT",
}  # fmt: skip
"""What squeue calls jobs that neither run nor wait. A job that Slurm takes its node from and queues again is PENDING."""


def main(argv):
    """slurm.py: submit, wait, report; returns the exit status, see `exit_status`."""
    request = parse(argv)
    config = request.options.pop("config", None)
    limit = positive(request.options, "max_jobs_run", len(request.numbers)) if request.variable else None
    request.options.pop("max_jobs_run", None)
    place, stem = _place(request)
    sync = place / f".done.{stem}.{os.getpid()}"
    note = place / f"{stem}.job"
    script = place / f"{stem}.sh"
    known, gpus = read_config(config), request.options.get("gpu", "")
    if gpus.isdigit() and int(gpus) and ("num_threads", "*") in known[1]:
        request.options.setdefault("num_threads", gpus)  # each GPU has a process, and that a core
    submit = sbatch_command(known, request.options, config or CONFIG)
    if request.variable:
        submit.append(f"--array={request.numbers[0]}-{request.numbers[-1]}%{limit}")
    output = str(place / stem).replace("%", "%%")
    submit += [f"--output={output}.%{'a' if request.variable else 'j'}.out", str(script)]
    place.mkdir(parents=True, exist_ok=True)
    _refuse_a_second(note)
    for left in place.glob(f".done.{glob.escape(stem)}.*"):  # the jobs of a run that was killed have told nobody
        left.unlink(missing_ok=True)
    script.write_text(job_script(request, sync, submit), encoding="utf-8")
    try:
        with caught_signals() as received:
            job = _submit(submit)
            note.write_text(f"{job}\n")
            failed = _wait(job, request, sync, received)
            if received:
                subprocess.run(["scancel", job])
                raise SystemExit(128 + received[0])
    finally:
        note.unlink(missing_ok=True)
        for number in request.numbers:
            _sync_file(sync, number).unlink(missing_ok=True)
    if failed:
        report_failures("slurm.py", request, failed)
    return exit_status(request, failed)


def read_config(path=None):
    """Read a configuration of Kaldi's form: lines `command …`, `option name=value …`, `default name=value`.

    path: the file; None for conf/slurm.conf or, where there is none, DEFAULT_CONFIG. Returns (command as words, option
    (name, value) → words, default name → value). Raises InputError, naming file and line, for any other line.
    """
    if path is not None and not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    source = path or (CONFIG if Path(CONFIG).is_file() else None)
    text = read_text(source) if source else DEFAULT_CONFIG
    command, options, defaults = [], {}, {}
    for number, line in enumerate(text.splitlines(), 1):
        words = shlex.split(line, comments=True)
        if not words:
            continue
        name, equals, value = words[1].partition("=") if len(words) > 1 else ("", "", "")
        if words[0] == "command" and len(words) > 1:
            command = words[1:]
        elif words[0] == "option" and equals:
            options[name.replace("-", "_"), value] = words[2:]
        elif words[0] == "default" and equals and len(words) == 2:
            defaults[name.replace("-", "_")] = value
        else:
            raise InputError(f"{source}:{number}: expected `command …`, `option name=value …` or `default name=value`")
    if not command:
        raise InputError(f"{source}: no line `command sbatch …`")
    return command, options, defaults


def sbatch_command(config, wanted, where=CONFIG):
    """The words that start sbatch, for the options wanted on the command line (name → value).

    An option of the configuration with this very value goes before one with `*`, in whose words $0 stands for the
    value. Raises InputError for an option that the configuration does not know.
    """
    command, options, defaults = config
    words = list(command)
    for name, value in {**defaults, **wanted}.items():
        found = options.get((name, value), options.get((name, "*")))
        if found is None:
            raise InputError(f"option --{name.replace('_', '-')} {value}: {where} has no line `option {name}={value}`")
        words += [word.replace("$0", value) for word in found]
    return words


def job_script(request, sync, submit):
    """The script of the array. Each job runs its part through run.py, which writes the log, and tells how it ended,
    unless Slurm ends it: whether such a job starts again, the queue alone knows."""
    number = "$SLURM_ARRAY_TASK_ID" if request.variable else "1"
    variable = [f"{request.variable}=$_number:$_number"] if request.variable else []
    threads, gpus = request.options.get("num_threads", ""), request.options.get("gpu", "")
    if threads.isdigit() and gpus.isdigit():
        threads = str(max(1, int(threads) // max(1, int(gpus))))  # a GPU has a process of its own
    threads = shlex.quote(threads) if threads else "${SLURM_CPUS_PER_TASK:-1}"
    command = [*map(shlex.quote, [sys.executable, str(RUN)]), "--num-threads", threads, *variable]
    command += map(shlex.quote, [request.log, *request.command])
    return f"""#!/usr/bin/env bash
# Submitted with: {shell(submit)}
_number={number}
_ended={shlex.quote(str(sync.absolute()))}.$_number
_terminated=
_tell() {{
    [ -n "$_terminated" ] || {{ echo "$1" > "$_ended.partial" && mv "$_ended.partial" "$_ended"; }}
}}
trap _terminated=true TERM
trap '_tell $?' EXIT
cd {shlex.quote(os.getcwd())} || exit 1
[ ! -f ./path.sh ] || . ./path.sh
{" ".join(command)}
"""


def _place(request):
    """Where the script and what sbatch says go, q/ beside the logs, and the log's name without the job's number."""
    folder, stem = Path(request.log).parent, Path(request.log).stem
    if request.variable:
        while request.variable in str(folder):
            folder = folder.parent
        stem = stem.replace(request.variable, "").strip("._-") or "jobs"
    return folder / "q", stem


def _refuse_a_second(note):
    """Raise InputError where the job that an earlier run has noted, and did not see the end of, is still there."""
    try:
        job = note.read_text().strip()
    except OSError:
        return
    if not set((_states(job) or {}).values()) <= ENDED:
        raise InputError(f"{note}: job {job} of an earlier run is still in the queue; wait for its end, or: scancel {job}")


def _submit(command):
    # Of a job that this may run in nothing is passed on: its number, cores and memory are not those of the new one
    kept = ("SLURM_CONF", "SLURM_CLUSTERS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_") or name in kept}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    except OSError as error:
        message = f"{command[0]}: {error.strerror}; is Slurm here? cmd_backend=local in cmd.sh needs none"
        raise InputError(message) from None
    number = re.search(r"\d+", done.stdout)
    if done.returncode or not number:
        said = (done.stderr or done.stdout).strip() or f"status {done.returncode}, without a word"
        raise InputError(f"{shell(command)}: not accepted: {said}")
    return number.group()


def _wait(job, request, sync, received):
    """Wait until every job has told how it ended or is not in the queue any more, or until a signal is received.

    Returns number → reason of the jobs that failed.
    """
    waiting, failed, pause, gone = set(request.numbers), {}, POLL, set()
    progress = Progress(request)
    asked, queue_pause = time.monotonic(), QUEUE_POLL
    while not received:
        for number in sorted(waiting):
            if _sync_file(sync, number).is_file():
                waiting.remove(number)
                status = _sync_file(sync, number).read_text().strip()
                if status != "0":
                    failed[number] = f"code {status}"
        if not waiting:
            break
        progress.show(waiting, set(request.numbers) - waiting)
        end = time.monotonic() + pause
        while time.monotonic() < end and not received:
            time.sleep(POLL)
        pause = min(pause * 1.5, LONGEST_POLL)
        if time.monotonic() - asked > queue_pause:
            asked, queue_pause = time.monotonic(), min(queue_pause * 1.5, LONGEST_QUEUE_POLL)
            states = _states(job)
            if states is None:
                continue
            before, gone = gone, {number for number in waiting if number not in states or states[number] in ENDED}
            for number in gone & before:  # seen twice, since the file system may lag behind the queue
                if not _sync_file(sync, number).is_file():
                    waiting.remove(number)
                    why = f"{states[number]}, says Slurm" if number in states else "left the queue without an end"
                    failed[number] = f"{why} (job {job})"
    progress.close()
    return dict(sorted(failed.items()))


def _states(job):
    """Number → state, in squeue's words, of the jobs of an array that the queue knows, the ended ones for some minutes
    more; a single job's number is 1. None where the queue cannot be asked just now."""
    command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={job}", "--format=%K %T"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    if done.returncode:
        return {} if "Invalid job id" in done.stderr else None
    lines = (line.split() for line in done.stdout.splitlines())
    return {int(number) if number.isdigit() else 1: state for number, state in lines}


def _sync_file(sync, number):
    return sync.with_name(f"{sync.name}.{number}")

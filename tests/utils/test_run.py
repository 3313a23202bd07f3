"""utils/run.py keeps Kaldi's job contract."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOW = "import sys; print(*map(ascii, sys.argv[1:]))"


@pytest.fixture
def run(call, utils):
    """Run utils/run.py with arguments."""
    return lambda *arguments, **options: call(sys.executable, utils / "run.py", *arguments, **options)


def output(log):
    """What the job itself wrote: the log without its comments."""
    return "".join(line for line in log.read_text().splitlines(keepends=True) if not line.startswith("#"))


def test_jobs_with_a_number_in_every_place(run, tmp_path):
    done = run("JOB=2:4", "log/JOB/x.JOB.log", sys.executable, "-c", SHOW, "JOB", "in.JOB.out.JOB")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for number in "234":
        assert output(tmp_path / "log" / number / f"x.{number}.log") == f"'{number}' 'in.{number}.out.{number}'\n"
    assert sorted(path.name for path in (tmp_path / "log").iterdir()) == ["2", "3", "4"]


def test_the_log(run, tmp_path):
    run("--num-threads", "3", "x.log", "bash", "-c", "echo out; echo err >&2")
    log = (tmp_path / "x.log").read_text()
    assert re.fullmatch(
        r"# bash -c 'echo out; echo err >&2'\n# Started at \w{3} \w{3} .* \d{4}\n#\nout\nerr\n"
        r"# Accounting: time=\d+ threads=3\n# Ended \(code 0\) at \w{3} \w{3} .* \d{4}, elapsed time \d+ seconds\n",
        log,
    )


def test_another_name_and_a_single_job(run, tmp_path):
    assert run("N=1:2", "N.log", "echo", "JOB N").returncode == 0
    assert output(tmp_path / "2.log") == "JOB 2\n"
    assert run("JOB=3", "JOB.log", "echo", "JOB").returncode == 0
    assert output(tmp_path / "3.log") == "3\n"
    assert run("JOB.log", "echo", "JOB").returncode == 0
    assert output(tmp_path / "JOB.log") == "JOB\n"


def test_arguments_reach_the_program_untouched(run, tmp_path):
    arguments = ["two words", "", "*", "$HOME", "a'b\"c", "|", ">", "&& false", "中文 名", "line\nbreak", "\\n"]
    assert run("x.log", sys.executable, "-c", SHOW, *arguments).returncode == 0
    assert output(tmp_path / "x.log") == " ".join(map(ascii, arguments)) + "\n"
    assert run("x.log", "bash", "-c", "set -o pipefail; echo a b | tr ab xy").returncode == 0
    assert output(tmp_path / "x.log") == "x y\n"


def test_failed_jobs_are_named_and_the_others_still_run(run, tmp_path):
    done = run("JOB=1:4", "log/x.JOB.log", "bash", "-c", "echo working on JOB; exit $((JOB % 2 * 3))")
    assert done.returncode == 1
    assert "run.py: 2 / 4 jobs failed:\n  log/x.1.log: code 3\n  log/x.3.log: code 3\n" in done.stderr
    assert "  | working on 1\n" in done.stderr and "working on 3" not in done.stderr
    assert "# Ended (code 3) at" in (tmp_path / "log" / "x.3.log").read_text()
    assert output(tmp_path / "log" / "x.4.log") == "working on 4\n"


def test_a_killed_job_and_a_missing_program(run, tmp_path):
    done = run("x.log", "bash", "-c", "kill -9 $$")
    assert done.returncode == 137 and "x.log: code 137 (signal 9)" in done.stderr
    done = run("x.log", "no-such-program", "a")
    assert done.returncode == 127 and "code 127" in done.stderr
    assert output(tmp_path / "x.log") == "no-such-program: No such file or directory\n"


# Each job notes its start, waits until `wanted` run and all of them have seen that, and notes how many it saw at most.
COUNT = """
import pathlib, sys, time
here, wanted = pathlib.Path(sys.argv[1]), int(sys.argv[2])
(here / f"running.{sys.argv[3]}").touch()
most, end = 0, time.monotonic() + 120
while time.monotonic() < end and len(list(here.glob("seen.*"))) < wanted:
    most = max(most, len(list(here.glob("running.*"))))
    if most >= wanted:
        (here / f"seen.{sys.argv[3]}").touch()
    time.sleep(0.01)
time.sleep(0.1)
most = max(most, len(list(here.glob("running.*"))))
(here / f"running.{sys.argv[3]}").unlink()
print(most)
"""


@pytest.mark.parametrize("option", ["--max-jobs-run", "--max_jobs_run", "-tc"])
@pytest.mark.parametrize("most", [1, 3])
def test_so_many_at_a_time(run, tmp_path, option, most):
    done = run(option, most, "JOB=1:3", "JOB.log", sys.executable, "-c", COUNT, tmp_path, most, "JOB")
    assert done.returncode == 0, done.stderr
    assert [output(tmp_path / f"{number}.log") for number in (1, 2, 3)] == [f"{most}\n"] * 3


def test_options_may_stand_after_the_range(run, tmp_path):
    assert run("JOB=1:2", "--mem", "2G", "JOB.log", "echo", "--gpu").returncode == 0
    assert output(tmp_path / "1.log") == "--gpu\n"


def test_jobs_take_turns_with_devices(run, tmp_path):
    def seen(jobs, *options):
        show = ("bash", "-c", "echo $CUDA_VISIBLE_DEVICES")
        done = run(*options, f"JOB=1:{jobs}", "JOB.log", *show, CUDA_VISIBLE_DEVICES="4,7")
        assert done.returncode == 0, done.stderr
        return [output(tmp_path / f"{number}.log").strip() for number in range(1, jobs + 1)]

    assert seen(2, "--gpu", "1", "--max-jobs-run", "2") == ["4", "7"]
    assert set(seen(5, "--gpu", "1")) == {"4", "7"}
    assert seen(2, "--gpu", "2") == ["4,7", "4,7"]
    assert seen(2, "--gpu", "0") == ["4,7", "4,7"]


def test_jobs_at_once_share_the_processors(run, tmp_path):
    """No more threads than processors over all jobs, whatever was asked for; OMP_NUM_THREADS is the most."""
    processors = len(os.sched_getaffinity(0))

    def threads(*options, **environment):
        done = run(*options, "x.JOB.log", "bash", "-c", "echo $OMP_NUM_THREADS", **environment)
        assert done.returncode == 0, done.stderr
        return int(output(tmp_path / "x.1.log"))

    free = {"OMP_NUM_THREADS": ""}
    assert threads("JOB=1", **free) == processors
    assert threads(f"JOB=1:{processors}", **free) == 1
    assert threads("--num-threads", 10 * processors, "JOB=1:2", **free) == processors
    assert threads("--max-jobs-run", processors, f"JOB=1:{processors + 1}", **free) == 1
    assert threads("JOB=1", OMP_NUM_THREADS="1") == 1


def test_a_gpu_that_is_not_there(run, tmp_path):
    done = run("--gpu", "2", "x.log", "true", CUDA_VISIBLE_DEVICES="3")
    assert (done.returncode, done.stderr) == (1, "error: --gpu 2: 1 GPUs are to be seen here; --ngpu 0 uses the CPU\n")
    assert not (tmp_path / "x.log").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "expected [options] [JOB=1:8] log/x.JOB.log program"),
        (("x.log",), "expected [options]"),
        (("JOB=1:8", "x.log", "true"), "log x.log: 8 jobs would share it; put JOB into its name"),
        (("JOB=0:3", "JOB.log", "true"), "JOB=0:3: jobs are counted from 1"),
        (("JOB=3:2", "JOB.log", "true"), "JOB=3:2"),
        (("--max-job-run", "2", "x.log", "true"), "unknown option --max-job-run"),
        (("--max-jobs-run", "0", "x.log", "true"), "--max-jobs-run 0: expected an integer from 1"),
        (("--gpu", "one", "x.log", "true"), "--gpu one"),
        (("--num-nodes", "2", "x.log", "true"), "use slurm.py"),
        (("--mem",), "option --mem: its value is missing"),
    ],
)
def test_refused(run, arguments, words, tmp_path):
    done = run(*arguments)
    assert done.returncode == 1 and words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help(run):
    assert "JOB=1:8 log/x.JOB.log" in run("--help").stdout


def alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_jobs_end_with_it(utils, tmp_path, number):
    """The job has a child of its own; both must be gone, and the log must be closed."""
    script = f"sleep 300 & echo $! > {tmp_path}/child.part; mv {tmp_path}/child.part {tmp_path}/child; wait"
    command = [sys.executable, str(utils / "run.py"), "JOB=1:2", f"{tmp_path}/JOB.log", "bash", "-c", script]
    # A test run started in the background ignores SIGINT, and its children would inherit that
    process = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    deadline = time.monotonic() + 120
    while not (tmp_path / "child").is_file() and time.monotonic() < deadline:
        time.sleep(0.02)
    child = int((tmp_path / "child").read_text())
    process.send_signal(number)
    assert process.wait(timeout=120) == 128 + number
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)
    assert "# Ended (code 143)" in (tmp_path / "1.log").read_text()
    process.stderr.close()


WORK = """
import os, signal, sys
from c2ser.at_work import at_work
at_work("anna-1")
at_work(sys.argv[1].split(","))
os.kill(os.getpid(), signal.SIGKILL) if sys.argv[2] == "kill" else 1 / 0
"""


@pytest.mark.parametrize(("end", "why"), [("kill", "code 137 (signal 9)"), ("raise", "code 1")])
def test_a_crash_names_the_utterance(run, tmp_path, end, why):
    """The job cannot say so itself: it was killed, or the fault knows of no utterance."""
    done = run("JOB=1:2", "x.JOB.log", sys.executable, "-c", WORK, "eva-JOB,jan-JOB", end, PYTHONPATH=str(ROOT))
    assert done.returncode == 1 and f"  x.2.log: {why}, at eva-2 jan-2\n" in done.stderr
    assert "\n# At work on eva-1 jan-1\n# Accounting: " in (tmp_path / "x.1.log").read_text()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 kB; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_although_the_log_has_no_room(run, tmp_path, small_disk):
    """Whatever the job says of it is lost."""
    done = run("x.log", "yes", cwd=small_disk)
    assert done.returncode == 1
    assert "x.log: code 1; its log cannot be written: No space left on device; make room, then " in done.stderr
    assert "The disk of . is full: make room, then run the same command again\n" in done.stderr
    done = run("y.log", "true", cwd=small_disk)
    words = "error: y.log: the log cannot be written: No space left on device; make room, then run the same command again\n"
    assert (done.returncode, done.stderr) == (1, words)

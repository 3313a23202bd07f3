"""utils/slurm.py with Slurm's own daemons on this machine; skipped where they are not installed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def start(utils, slurm, tmp_path):
    """Start utils/slurm.py with arguments, in the test's folder and with the recipes' configuration."""
    (tmp_path / "conf").symlink_to(ROOT / "egs/TEMPLATE/c2ser1/conf")

    def run(*arguments, **environment):
        command = [sys.executable, utils / "slurm.py", *arguments]
        return subprocess.Popen(
            list(map(str, command)), cwd=tmp_path, env={**slurm.environment, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return run


@pytest.fixture
def submit(start):
    """The same, to its end: (status, what it said)."""

    def run(*arguments, **environment):
        process = start(*arguments, **environment)
        said = "".join(process.communicate(timeout=300))
        return process.returncode, said

    return run


def output(log):
    return "".join(line for line in log.read_text().splitlines(keepends=True) if not line.startswith("#"))


def test_arrays_and_gpus(submit, tmp_path):
    """Each job of the array has its own part, one of the two GPUs of its node, and its cores."""
    tell = "echo PART $SLURM_ARRAY_JOB_ID $CUDA_VISIBLE_DEVICES $SLURM_CPUS_PER_TASK"
    words = ["--gpu", 1, "--num-threads", 2, "--max-jobs-run", 2, "PART=2:4", "100% my/log/x.PART.log", "bash", "-c", tell]
    assert submit(*words) == (0, "")
    log = tmp_path / "100% my/log"
    said = [output(log / f"x.{number}.log").split() for number in (2, 3, 4)]
    assert [words[0] for words in said] == ["2", "3", "4"] and len({words[1] for words in said}) == 1
    for words in said:
        assert words[2] in ("0", "1") and words[3] == "2"
    assert sorted(path.name for path in (log / "q").iterdir()) == ["x.2.out", "x.3.out", "x.4.out", "x.sh"]
    tell = "echo ${CUDA_VISIBLE_DEVICES-none} ${SLURM_CPUS_PER_TASK-1}"
    assert submit("--gpu", 2, "y.log", "bash", "-c", tell) == submit("z.log", "bash", "-c", tell) == (0, "")
    assert (output(tmp_path / "y.log"), output(tmp_path / "z.log")) == ("0,1 2\n", "none 1\n")


def test_failures_are_told(submit):
    status, said = submit("JOB=1:3", "x.JOB.log", "bash", "-c", "echo working on JOB; exit $((JOB - 1))")
    assert status == 1 and said.startswith("slurm.py: 2 / 3 jobs failed:\n  x.2.log: code 1\n  x.3.log: code 2\n")
    assert "\n  | working on 2\n" in said


def test_what_slurm_refuses_is_told(submit):
    status, said = submit("--gpu", 3, "x.log", "true", "x")
    assert status == 1 and "not accepted: sbatch: error: " in said and "sbatch: error: Batch job submission failed: " in said


def test_a_job_that_is_cancelled_has_failed(start, slurm, tmp_path):
    process = start("JOB=1:2", "x.JOB.log", "bash", "-c", "echo up; [ JOB = 1 ] || exec sleep 300")
    assert slurm.comes(lambda: (tmp_path / "x.2.log").is_file() and "up" in output(tmp_path / "x.2.log"))
    job = slurm.jobs("RUNNING")[0]
    assert slurm.comes(lambda: job in slurm.jobs("COMPLETED"))
    slurm.run("scancel", job)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 1 and f"1 / 2 jobs failed:\n  x.2.log: CANCELLED, says Slurm (job {job})\n" in said
    assert sorted(path.name for path in (tmp_path / "q").iterdir()) == ["x.1.out", "x.2.out", "x.sh"]


def test_a_job_that_is_queued_again_goes_on(start, slurm, tmp_path):
    """Slurm takes its node away; its end is that of its second life, and the log has both."""
    process = start("x.log", "bash", "-c", "echo life; [ -f up ] || { touch up; exec sleep 300; }; exit 7")
    assert slurm.comes((tmp_path / "up").exists)
    slurm.requeue(slurm.jobs("RUNNING")[0])
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 7 and "  x.log: code 7\n" in said
    log = (tmp_path / "x.log").read_text()
    assert output(tmp_path / "x.log") == "life\nlife\n" and "# Ended (code 143)" in log and "# Ended (code 7)" in log


def test_sigterm_takes_the_job_along(start, slurm, tmp_path):
    process = start("x.log", "bash", "-c", "touch up; exec sleep 300")
    assert slurm.comes((tmp_path / "up").exists)
    job = slurm.jobs("RUNNING")[0]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)
    assert process.returncode == 143 and slurm.comes(lambda: job in slurm.jobs("CANCELLED"))


def test_a_job_whose_run_was_killed_is_not_joined_by_another(start, submit, slurm, tmp_path):
    """Both would write to the same files."""
    words = ["x.log", "bash", "-c", "touch up; exec sleep 300"]
    process = start(*words)
    assert slurm.comes((tmp_path / "up").exists)
    job = slurm.jobs("RUNNING")[0]
    process.kill()
    process.communicate(timeout=300)
    status, said = submit("x.log", "true", "x")
    assert status == 1 and f"q/x.job: job {job} of an earlier run is still in the queue; wait" in said
    slurm.run("scancel", job)
    assert slurm.comes(lambda: job in slurm.jobs("CANCELLED"))
    assert submit("x.log", "true", "x") == (0, "")


def test_jobs_are_submitted_from_within_a_job(utils, slurm, tmp_path):
    """The outer job is the fifth of its array, with two cores; nothing of that is the inner one's."""
    tell = "echo ${SLURM_ARRAY_TASK_ID-none} ${SLURM_CPUS_PER_TASK-none}"
    inner = [sys.executable, utils / "slurm.py", "x.log", "bash", "-c", f"'{tell}'"]
    (tmp_path / "outer").write_text(f"#!/usr/bin/env bash\n{' '.join(map(str, inner))}\n")
    options = ["--parsable", "--array=5-5", "--cpus-per-task=2", "--mem=100", f"--output={tmp_path}/outer.out"]
    job = slurm.run("sbatch", *options, "outer", cwd=tmp_path).stdout.strip()
    assert slurm.comes(lambda: job in slurm.jobs("COMPLETED", "FAILED")) and (tmp_path / "outer.out").read_text() == ""
    assert output(tmp_path / "x.log") == "none none\n"


def test_nothing_outlives_the_block():
    from tests.cluster import cluster

    with cluster() as own:
        job = own.run("sbatch", "--parsable", "--output=/dev/null", "--wrap", "sleep 300").stdout.strip()
        assert own.comes(lambda: job in own.jobs("RUNNING"))
        assert len(own._processes()) > len(own.daemons)
    assert own._processes() == {} and not own.folder.exists()

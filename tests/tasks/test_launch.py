"""The launcher says nothing that a user cannot use, and passes on how the job ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def launch(tmp_path):
    """Start the launcher with utils/run.py and Python code as the job."""

    def start(code, runner="run.py", log="train.log", num_nodes=1):
        path = f"{tmp_path}:{ROOT}/utils:{os.environ['PATH']}"
        words = ["--cmd", runner, "--log", log, "--ngpu", "0", "--num_nodes", str(num_nodes)]
        words += ["--", sys.executable, "-c", code]
        return subprocess.Popen(
            [sys.executable, "-m", "c2ser.tasks.launch", *words], cwd=tmp_path, text=True, start_new_session=True,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where the tests run in the background
        )  # fmt: skip

    return start


def test_success_is_silent(launch, tmp_path):
    process = launch("import sys; print(sys.argv[1:])")
    assert (*process.communicate(timeout=120), process.returncode) == ("", "", 0)
    assert "['--ngpu', '0', '--multiprocessing_distributed', 'True']" in (tmp_path / "train.log").read_text()


def test_a_failure_is_told_once(launch):
    process = launch("import sys; sys.exit('out of memory')")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1 and error.count("| out of memory") == 1
    assert error.startswith("run.py: 1 / 1 jobs failed:\n") and "Traceback" not in error and "################" not in error


def test_what_the_launcher_itself_refuses_is_told(launch):
    process = launch("0", "absent.py")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1 and len(error.splitlines()) == 1 and "absent.py" in error


MEETING = """#!/usr/bin/env bash
while [ $# -gt 0 ] && [ "$1" != --dist_init_method ]; do shift; done
touch "${2#file://}.0" && [ ! -f fails ]
"""
"""In place of slurm.pl: meets as the processes would, and fails where it is to."""


def test_the_file_that_processes_met_by_goes(launch, tmp_path):
    """A failed job's own, since the job of a launcher that was killed may go on; at the training's end all of them."""
    (tmp_path / "slurm.pl").write_text(MEETING)
    (tmp_path / "slurm.pl").chmod(0o755)
    place = tmp_path / "exp [1]"
    place.mkdir()
    for name in (".dist_init_train_1_x.0", ".dist_init_other_2_x.0"):
        (place / name).touch()
    (tmp_path / "fails").touch()
    process = launch("0", "slurm.pl", "exp [1]/train.log", 2)
    process.communicate(timeout=120)
    left = {".dist_init_other_2_x.0"}
    assert process.returncode == 1 and {path.name for path in place.iterdir()} == {*left, ".dist_init_train_1_x.0"}
    (tmp_path / "fails").unlink()
    process = launch("0", "slurm.pl", "exp [1]/train.log", 2)
    assert process.communicate(timeout=120)[1] == "" and process.returncode == 0
    assert {path.name for path in place.iterdir()} == left


def test_ctrl_c_ends_the_job_first(launch, tmp_path):
    process = launch("open('begun', 'w'); import time; time.sleep(300)")
    deadline = time.monotonic() + 120
    while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=120)[1] == "run.py: SIGINT: ending the jobs\n" and process.returncode == 130
    log = (tmp_path / "train.log").read_text()  # of Ctrl-C itself, or of run.py's SIGTERM, whichever is first
    assert "# Ended (code 130" in log or "# Ended (code 143" in log

"""How commands end on what a user can mend: one line, the right status, nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
HEAD = "import sys; from c2ser.bin.common import run; from c2ser.fileio import atomic_write\n"


def command(code, **options):
    words = [sys.executable, "-c", HEAD + code]
    return subprocess.run(words, capture_output=True, text=True, timeout=1200, env=ENVIRONMENT, **options)


def test_a_full_disk(tmp_path):
    """/dev/full is one; and so is whatever an atomic write meets."""
    done = command("def main():\n with open('/dev/full', 'w') as s: s.write('x')\nrun(main)")
    words = "No space left on device; make room, then run the same command again\n"
    assert (done.returncode, done.stderr) == (1, f"error: {words}")
    (tmp_path / "kept").write_text("old")
    code = """
import errno
def main():
    with atomic_write('kept') as stream:
        stream.write('new')
        raise OSError(errno.ENOSPC, 'No space left on device')
run(main)"""
    done = command(code, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, f"error: kept: {words}")
    assert os.listdir(tmp_path) == ["kept"] and (tmp_path / "kept").read_text() == "old"


def test_a_folder_that_may_not_be_written():
    code = "import errno\ndef main(): raise OSError({0}, 'Words', 'data/all')\nrun(main)"
    for name in ("EROFS", "EACCES", "EPERM", "EDQUOT"):
        done = command(code.format(f"errno.{name}"))
        assert done.returncode == 1 and done.stderr.startswith("error: data/all: Words; "), name
        assert len(done.stderr.splitlines()) == 1


def test_other_faults_keep_their_traceback():
    done = command("import errno\ndef main(): raise OSError(errno.EIO, 'Input/output error')\nrun(main)")
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_ctrl_c():
    code = "import time\ndef main():\n print('up', flush=True); time.sleep(300)\nrun(main)"
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # where the tests run in the background it is ignored
    )  # fmt: skip
    assert process.stdout.readline() == "up\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120)[1] == "error: interrupted\n"
    assert process.returncode == 130


def test_a_reader_that_goes_away():
    code = "def main():\n for number in range(100000): print(number)\nrun(main)"
    shell = '"$PYTHON" -c "$CODE" | head -n 1; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["bash", "-c", shell], env={**ENVIRONMENT, "PYTHON": sys.executable, "CODE": HEAD + code},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("0\n141\n", "")


@pytest.mark.parametrize(("returned", "status"), [("None", 0), ("0", 0), ("3", 3)])
def test_the_status_of_main(returned, status):
    assert command(f"run(lambda: {returned})").returncode == status

"""Two runs never work in one folder, nor at one stage that they share; a crash's lock stands in nobody's way."""

import errno
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import pytest

from c2ser.errors import InputError
from c2ser.recipe import lock
from c2ser.recipe.done import begin, end
from c2ser.recipe.inputs import collect

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def other():
    """Another process, as a run would be."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_the_second_run_is_told_who_is_there(other):
    lock.take("exp/a", other.pid)
    with pytest.raises(InputError) as caught:
        lock.take("exp/a", os.getpid())
    words = rf"exp/a: a run is at work there, process {other.pid} of {socket.gethostname()} since \d{{4}}-[-\d]+ \d\d:\d\d; "
    assert re.match(words, str(caught.value)) and "\n" not in str(caught.value)
    lock.take("exp/a", other.pid)  # its own it may take again
    lock.take("exp/b", os.getpid())  # another experiment is free


def test_a_stale_lock_is_taken_over(other):
    lock.take("exp/a", other.pid)
    other.kill()
    other.wait()
    lock.take("exp/a", os.getpid())
    assert lock.read("exp/a").pid == os.getpid()


def test_another_process_with_the_same_number_is_no_owner(recipe, other):
    """Process numbers come round again: the start tells them apart."""
    lock.take("exp/a", other.pid)
    host, number, start, _ = (recipe / "exp/a/.lock").read_text().split()
    (recipe / "exp/a/.lock").write_text(f"{host} {number} {start}9\n")
    lock.take("exp/a", os.getpid())


def test_of_another_host_the_renewal_tells(recipe, capsys):
    """Its process numbers mean nothing here: what is not renewed for ten minutes, by the file system's clock, is stale."""
    (recipe / "exp/a").mkdir(parents=True)
    note = recipe / "exp/a/.lock"
    note.write_text(f"elsewhere {os.getpid()} x 2026-01-02T03:04\n")
    age(note, 590)
    words = rf"process {os.getpid()} of elsewhere since 2026-01-02 03:04, which renewed its lock 59\d s ago \(where it is "
    with pytest.raises(InputError, match=words + "gone, the lock is free 10 minutes after its last renewal, or once you "):
        lock.take("exp/a", os.getpid())
    age(note, 615)
    lock.take("exp/a", os.getpid())
    assert lock.read("exp/a") == lock.Owner.of(os.getpid())
    told = f"exp/a: the lock of process {os.getpid()} of elsewhere has not been renewed for 10 minutes: taken over\n"
    assert capsys.readouterr().err == told
    note.write_text("")  # a full disk left this
    lock.take("exp/a", os.getpid())


def age(path, seconds):
    """Make a file look as if it had been renewed so long ago."""
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("change", [lambda start: "9" + start, lambda start: re.sub(r":\d+:", ":1:", start)])
def test_another_boot_or_container_of_the_same_name_is_another_machine(recipe, change):
    """Its number may be taken by another process here, or by none."""
    lock.take("exp/a", os.getpid())
    host, _, start, since = (recipe / "exp/a/.lock").read_text().split()
    for number in (os.getpid(), 4194304):
        (recipe / "exp/a/.lock").write_text(f"{host} {number} {change(start)} {since}\n")
        with pytest.raises(InputError, match="which renewed its lock 0 s ago"):
            lock.take("exp/a", os.getpid())


def test_a_lock_is_renewed_as_long_as_it_is_its_own(recipe, other):
    note = recipe / "exp/a/.lock"

    def keeping():
        thread = threading.Thread(target=lock.keep, args=("exp/a", other.pid, 0.01))
        thread.start()
        return thread

    def renewed():
        age(note, 300)
        deadline = time.monotonic() + 60
        while time.time() - note.stat().st_mtime > 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        return time.time() - note.stat().st_mtime < 200

    lock.take("exp/a", other.pid)
    thread = keeping()
    assert renewed() and renewed()
    with mock.patch("os.utime", side_effect=OSError(errno.ESTALE, "Stale file handle")) as failing:
        deadline = time.monotonic() + 60
        while failing.call_count < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert failing.call_count >= 2 and renewed()
    note.write_text("elsewhere 1 x\n")
    thread.join(60)
    assert not thread.is_alive()
    note.unlink()
    lock.take("exp/a", other.pid)
    thread = keeping()
    other.kill()
    other.wait()
    thread.join(60)
    assert not thread.is_alive()


def test_a_run_that_lost_its_lock_stops(recipe, other):
    """It was halted for so long that another machine took its lock; at the end it leaves that one alone."""
    lock.take("exp/a", os.getpid())
    mine = (recipe / "exp/a/.lock").read_text()
    assert begin("exp/a/x", [], run_dir="exp/a", pid=os.getpid())[0] == "run"
    for text, words in (("elsewhere 7 x 2026-01-02T03:04\n", "process 7 of elsewhere since"), (None, ".lock has been removed")):
        (recipe / "exp/a/.lock").unlink()
        if text:
            (recipe / "exp/a/.lock").write_text(text)
        with pytest.raises(InputError, match=f"this run has lost its lock: .*{words}"):
            begin("exp/a/x", [], run_dir="exp/a", pid=os.getpid())
        lock.give_back("exp/a", os.getpid())
        assert (recipe / "exp/a/.lock").is_file() == bool(text)
        (recipe / "exp/a/.lock").write_text(mine)
    lock.give_back("exp/a", os.getpid())
    assert not (recipe / "exp/a/.lock").exists()


def namespaces():
    """The words before a command that is to run on "another machine", or the reason why there is none here."""
    words = ["unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child"]
    try:
        done = subprocess.run([*words, "true"], capture_output=True, text=True)
    except OSError as error:
        return None, str(error)
    return (words, "") if done.returncode == 0 else (None, done.stderr)


HOST = """
import socket, subprocess, sys
socket.sethostname(sys.argv[1])
run = subprocess.Popen(["sleep", "1000"])
done = subprocess.run([sys.executable, "-S", "-m", "c2ser.recipe.done", "lock", "exp/a", str(run.pid)])
print("status", done.returncode, flush=True)
if done.returncode == 0:
    input()
"""


def test_two_machines_share_a_file_system(recipe):
    """Two spaces of process numbers, with names of their own or the same; only the second's view of the first counts."""
    words, reason = namespaces()
    if words is None:
        pytest.skip(f"no namespaces here: {reason.strip()}")

    def machine(name):
        return subprocess.Popen(
            [*words, sys.executable, "-S", "-c", HOST, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    one = machine("one")
    assert one.stdout.readline() == "status 0\n"
    held = (recipe / "exp/a/.lock").read_text()
    for name in ("one", "two"):
        output, error = machine(name).communicate("\n", timeout=120)
        assert output == "status 1\n" and "a run is at work there, process " in error and " of one since " in error
    one.kill()  # no process of it is left: nobody can tell until its last renewal is old
    one.communicate()
    output, error = machine("two").communicate("\n", timeout=120)
    assert output == "status 1\n" and (recipe / "exp/a/.lock").read_text() == held
    age(recipe / "exp/a/.lock", 700)
    output, error = machine("two").communicate("\n", timeout=120)
    assert output == "status 0\n" and "of one has not been renewed for 12 minutes: taken over" in error
    assert lock.read("exp/a").host == "two"


def test_a_stage_of_a_machine_that_is_gone_is_not_waited_for(recipe):
    """Its marker still names the owner, but no lock does."""
    (recipe / "exp/a").mkdir(parents=True)
    (recipe / "exp/a/.lock").write_text("elsewhere 7 x 2026-01-02T03:04\n")
    assert begin("data/.done.dump", collect(values=["x=1"]), run_dir="exp/a")[0] == "run"
    age(recipe / "exp/a/.lock", 700)
    lock.take("exp/a", os.getpid())
    assert begin("data/.done.dump", collect(values=["x=1"]), run_dir="exp/a", pid=os.getpid())[0] == "resume"


def test_runs_share_stages(recipe, other):
    """Tags a and b in one recipe: what is up to date or new is open to both, the rest waits for the other's end."""

    def stage(run, value, **options):
        return begin("data/.done.dump", collect(values=[value]), run_dir=f"exp/{run}", **options)[0]

    lock.take("exp/a", other.pid)
    lock.take("exp/b", os.getpid())
    assert stage("a", "x=1") == "run"
    with pytest.raises(InputError, match=rf"data/.done.dump: process {other.pid} of .* is at this stage"):
        stage("b", "x=1")
    end("data/.done.dump")
    assert stage("b", "x=1") == "skip"
    (recipe / "dump").mkdir()
    for options in ({}, {"force": True}):
        with pytest.raises(InputError, match=r"data/.done.dump must be done again \(.*\), but exp/a reads it"):
            stage("b", "x=2", clean=["dump"], **options)
    assert (recipe / "dump").is_dir() and stage("b", "x=1") == "skip"
    assert begin("exp/b/.done.x", [], force=True, run_dir="exp/b")[0] == "run"
    other.kill()
    other.wait()
    assert stage("b", "x=2") == "redo"


def test_without_proc_the_system_is_asked(monkeypatch, other):
    """As on macOS."""
    expected = subprocess.run(["ps", "-o", "lstart=", "-p", str(other.pid)], capture_output=True, text=True).stdout
    real = lock.Path.is_file
    monkeypatch.setattr(lock.Path, "is_file", lambda path: str(path) != "/proc/self/stat" and real(path))
    assert lock.start_of(other.pid) == "_".join(expected.split()) != ""
    other.kill()
    other.wait()
    assert lock.start_of(other.pid) == ""

"""Two runs never work in one folder, nor at one stage that they share; a crash's lock stands in nobody's way."""

import os
import re
import socket
import subprocess
import sys

import pytest

from c2ser.errors import InputError
from c2ser.recipe import lock
from c2ser.recipe.done import begin, end
from c2ser.recipe.inputs import collect


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
    host, number, start = (recipe / "exp/a/.lock").read_text().split()
    (recipe / "exp/a/.lock").write_text(f"{host} {number} {start}9\n")
    lock.take("exp/a", os.getpid())


def test_of_another_host_nothing_is_assumed(recipe):
    (recipe / "exp/a").mkdir(parents=True)
    (recipe / "exp/a/.lock").write_text("elsewhere 1 x\n")
    with pytest.raises(InputError, match=r"process 1 of elsewhere .* \(if it is gone, remove exp/a/.lock\)"):
        lock.take("exp/a", os.getpid())
    (recipe / "exp/a/.lock").write_text("")  # a full disk left this
    lock.take("exp/a", os.getpid())


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

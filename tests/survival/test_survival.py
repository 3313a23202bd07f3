"""A short form of `python -m tests.survival`: stages 1 and 2 of a small recipe, killed, on a full disk, and read-only."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
import soundfile

from c2ser.datadir import DataDir
from tests.egs.test_recipe_care import environment, options, toy
from tests.survival.compare import differences, left_over
from tests.survival.disks import disk, hinder, steps
from tests.survival.kills import Recipe, survive

ROOT = Path(__file__).resolve().parents[2]


def make(root):
    root.mkdir()
    folder = toy(root)
    return Recipe(folder, tuple(options(folder, "--tag", "t")), environment(folder))


def two_stages(recipe):
    return recipe._replace(command=(*recipe.command, "--stop_stage", "2"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A recipe that nothing happened to, and the seconds of its stages."""
    root = tmp_path_factory.mktemp("unbroken")
    recipe = make(root / "it")
    durations, _ = two_stages(recipe).run(root / "log")
    return recipe, durations


def test_kills(unbroken, tmp_path):
    whole, durations = unbroken
    broken = make(tmp_path / "broken")

    def compare():
        return differences(whole.folder, broken.folder) + left_over(broken.folder)

    kills, faults = survive(two_stages(broken), 4, durations, 0, tmp_path, compare)
    # which stage a kill meets depends on how fast the machine is just then
    assert faults == [] and len(kills) == 4 and {kill.stage for kill in kills} <= {1, 2}


def test_a_full_disk_and_read_only_folders(unbroken, tmp_path):
    whole, _ = unbroken
    try:
        with disk(tmp_path / "disk", "8m") as place:
            measured, hindered = make(place / "measured"), make(place / "hindered")
            added = steps(measured, (1, 2), tmp_path, place)
            assert hinder(hindered, added, tmp_path, place, Random(0)) == []
            assert differences(whole.folder, hindered.folder) == [] and left_over(hindered.folder) == []
    except OSError as error:
        pytest.skip(str(error))


def test_a_difference_is_seen(unbroken, tmp_path):
    """What the comparison is for: a table without an utterance, a file too few and too many, something half-written."""
    whole, _ = unbroken
    other = tmp_path / "other/toy/c2ser1"
    for part in ("data", "dump", "exp"):
        shutil.copytree(whole.folder / part, other / part)
    assert differences(whole.folder, other) == []
    table = other / "dump/all/wav.scp"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[1:]))
    (other / "data/all/text").unlink()
    (other / "exp/t/.a.0-1.partial").write_text("")
    wanted = ["data/all/text is missing", "exp/t/.a.0-1.partial is more than there should be", "dump/all/wav.scp differs"]
    assert differences(whole.folder, other) == wanted and left_over(other) == ["exp/t/.a.0-1.partial"]


@pytest.mark.parametrize("command", ["dump-audio", "extract-prosody"])
def test_a_killed_job_names_its_utterance(tmp_path, command):
    """The second recording's command kills the job that reads it, as the system does where memory runs out."""
    data = DataDir(tmp_path / "data")
    soundfile.write(tmp_path / "a.wav", np.full(8000, 0.1), 16000)
    data.write_speakers({"anna-1": "anna", "anna-2": "anna"})
    data.write("wav.scp", {"anna-1": str(tmp_path / "a.wav"), "anna-2": "kill -9 $PPID |"})
    data.write("utt2lang", {"anna-1": "pl", "anna-2": "pl"})
    job = ["-m", "c2ser", command, "--data_dir", data.path, "--out_dir", tmp_path / "out", "--allow_commands", "true"]
    words = [sys.executable, ROOT / "utils/run.py", tmp_path / "x.log", sys.executable, *job]
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 137 and f"  {tmp_path}/x.log: code 137 (signal 9), at anna-2\n" in done.stderr
    assert not list((tmp_path / "out").glob("utt2*")) and not list(tmp_path.glob("out/*.scp"))


def test_an_interrupted_dump_goes_on_with_another_number_of_jobs(unbroken, tmp_path):
    """What more jobs have left does not count."""
    whole, _ = unbroken
    second = (*whole.command, "--stage", "2", "--stop_stage", "2")
    whole._replace(command=(*second, "--nj", "2", "--force", "true")).run(tmp_path / "log")
    assert list(whole.folder.glob("dump/all/audio.2.*ark"))
    (whole.folder / "data/.done.dump").rename(whole.folder / "data/.done.dump.begun")  # as if killed before its end
    _, text = whole._replace(command=second).run(tmp_path / "log")
    shutil.rmtree(whole.folder / "data/all/split2utt")  # the recipe is that of the other tests again
    assert "[resume] data/.done.dump" in text and not list(whole.folder.glob("dump/all/*.2*"))

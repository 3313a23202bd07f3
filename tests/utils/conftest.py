"""Paths and a small data directory for the tests of utils/."""

import os
import subprocess
from pathlib import Path

import pytest

from c2ser.datadir.datadir import DataDir

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def utils():
    """The folder of the scripts."""
    return ROOT / "utils"


@pytest.fixture
def call(tmp_path):
    """Run a program in the test's folder without the paths of this process; returns the finished process, as text."""

    def run(*command, cwd=tmp_path, **environment):
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
        return subprocess.run(
            [str(word) for word in command], cwd=cwd, env=clean, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.fixture
def data(tmp_path):
    """A sound data directory without audio behind it, in a folder with a blank."""
    data_dir = DataDir(tmp_path / "my data" / "train")
    utterances = {f"{speaker}-{number}": speaker for speaker in "ab" for number in range(3)}
    data_dir.write_speakers(utterances)
    data_dir.write("wav.scp", {key: f"/音 频/{key}.wav" for key in utterances})
    data_dir.write("text", {key: "podaj" for key in utterances})
    data_dir.write("utt2emo", {key: ("angry", "sad", "neutral")[int(key[-1])] for key in utterances})
    return data_dir

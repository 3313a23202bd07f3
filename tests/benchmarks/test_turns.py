"""Systems in turns: their order, their time and memory, and how one that fails is told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.fixture
def turns(benchmark):
    torch.set_num_threads(1)  # other threads would not survive the fork
    return benchmark("turns")


def test_each_takes_its_turn_in_a_process_of_its_own(turns):
    seen = []

    def system(name):
        def run(number):
            seen.append(number)  # in its own process: this one's list stays empty
            return name, number, os.getpid(), list(seen)

        return run

    made = list(turns.in_turns({name: system(name) for name in ("a", "b")}, 2, "cpu", 1))
    assert [turn[:2] for turn in made] == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert [turn.result[:2] for _, _, turn in made] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    processes = [turn.result[2] for _, _, turn in made]
    assert processes[0] == processes[2] != processes[1] == processes[3] and os.getpid() not in processes
    assert seen == [] and [turn.result[3] for _, _, turn in made] == [[0, 1], [0, 1], [0, 1, 2], [0, 1, 2]]


THREE = """
import json, time, torch, turns

def busy(number):
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass

torch.set_num_threads(1)
systems = {"busy": busy, "asleep": lambda number: time.sleep(0.1), "large": lambda number: len(b"x" * 100_000_000)}
print(json.dumps({name: turn[:3] for _, name, turn in turns.in_turns(systems, 1, "cpu", 1)}))
"""


def test_time_is_work_and_memory_is_a_peak(turns):
    """In an interpreter that holds nothing else: of what a long run of tests holds, the kernel may take pages away."""
    folder = Path(turns.__file__).parent
    done = subprocess.run([sys.executable, "-c", THREE], cwd=folder, capture_output=True, text=True, check=True)
    made = {name: turns.Turn(*turn, None) for name, turn in json.loads(done.stdout).items()}
    assert 0.09 < made["busy"].seconds < 1 and made["asleep"].seconds < 0.05
    assert made["asleep"].peak - made["asleep"].loaded < 50e6
    assert 90e6 < made["large"].peak - made["large"].loaded < 200e6


def test_failures_are_told(turns):
    def fail(number):
        raise ValueError("no such word")

    with pytest.raises(RuntimeError, match="(?s)second: .*in fail.*ValueError: no such word"):
        list(turns.in_turns({"first": lambda number: 1, "second": fail}, 1, "cpu", 1))
    with pytest.raises(RuntimeError, match="gone: its process has ended; memory may have run out"):
        list(turns.in_turns({"gone": lambda number: os._exit(1)}, 1, "cpu", 1))

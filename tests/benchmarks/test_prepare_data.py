"""The benchmark of data preparation runs and prints its ratios."""

import re
import subprocess
import sys
from pathlib import Path


def test_it_prints_time_and_memory_as_ratios():
    script = Path(__file__).parents[2] / "benchmarks/prepare_data.py"
    done = subprocess.run([sys.executable, script, "--speakers", "10"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    baseline, full, ratios = done.stdout.splitlines()
    assert " 1750 utterances" in baseline and " 17500 utterances" in full
    assert re.search(r"10.0 x the files, [0-9.]+ x the time, [0-9.]+ x the memory", ratios)


def test_sizes_that_it_does_not_make():
    script = Path(__file__).parents[2] / "benchmarks/prepare_data.py"
    done = subprocess.run([sys.executable, script, "--speakers", "3"], capture_output=True, text=True)
    assert done.returncode == 1 and "from 10 to 20" in done.stderr

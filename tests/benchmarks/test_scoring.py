"""The benchmark of scoring runs, on texts that are what it says."""

import importlib.util
from pathlib import Path

import pytest

from c2ser.inference.labels import parse_label

FILE = Path(__file__).parents[2] / "benchmarks/scoring.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_scoring", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_texts_but_the_last_hold_their_answer(benchmark):
    assert [parse_label(text.format(7, "smutek")).label for text in benchmark.TEXTS] == ["sad"] * 5 + [None]


@pytest.mark.parametrize(
    ("speakers", "units"),
    [
        (["--speakers", "5"], ["speaker (5 of them)"]),
        ([], ["utterance", "speaker (20 of them)", "speaker (50 of them)"]),
    ],
)
def test_it_runs(benchmark, capsys, speakers, units):
    benchmark.main(["--lines", "60", "--utterances", "50", "--draws", "20", *speakers])
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("answers: 60 lines") and first.endswith(", 10 of them invalid")
    assert [line.partition(", by ")[2] for line in others] == units
    assert all(line.startswith(f"intervals: {20 if 'by utterance' in line else 0} draws over 50 utterances") for line in others)

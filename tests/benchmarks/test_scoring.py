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


@pytest.mark.parametrize(("speakers", "unit"), [("0", "utterance"), ("5", "speaker")])
def test_it_runs(benchmark, capsys, speakers, unit):
    benchmark.main(["--lines", "60", "--utterances", "50", "--draws", "20", "--speakers", speakers])
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("answers: 60 lines") and first.endswith(", 10 of them invalid")
    assert second.startswith("bootstrap: 20 draws over 50 utterances") and second.endswith(f"by {unit}")

"""Benchmarks as modules; those of C2SER import their neighbours, as they do where they are run."""

import importlib
from pathlib import Path

import pytest
import torch


@pytest.fixture
def benchmark(monkeypatch):
    """benchmark("decoding"): the module; the threads that it sets are set back."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    threads = torch.get_num_threads()
    yield importlib.import_module
    torch.set_num_threads(threads)

"""The benchmark of pretraining: operations as torch counts them, and a run."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.builders import pretraining, waves

FILE = Path(__file__).parents[2] / "benchmarks/pretraining.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_pretraining", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def counted(call):
    """Operations of linear layers, convolutions and attention; of fused attention on a CPU torch counts none."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def test_operations_are_those_that_torch_counts(benchmark):
    model, (speech, lengths) = pretraining().eval(), waves([7760])  # 24 frames, and no sample more
    local, inside = model.student.embed(speech, lengths)
    frames = benchmark.frames_of(model, 7760)
    assert frames == local.shape[1] == 24
    encoder = counted(lambda: model.student.encode(local, inside))
    assert benchmark.encoder(model, frames) == pytest.approx(encoder, rel=0.02)
    assert benchmark.positions(model, frames) == pytest.approx(
        counted(lambda: model.student.positions(local, inside)), rel=0.1
    )
    assert benchmark.decoder(model, frames, 10) - benchmark.decoder(model, frames, 5) == 2 * 5 * 16 * 24
    made = counted(lambda: model.student.project(model.student.frontend(speech)))
    assert benchmark.frontend(model, 7760) == pytest.approx(made, rel=0.02)


def test_sums_of_a_step(benchmark):
    model, lengths = pretraining(), torch.tensor([8000, 4000])
    one = {length: benchmark.frontend(model, length) for length in (8000, 4000)}
    model.views = 0
    teacher = sum(benchmark.positions(model, f) + benchmark.encoder(model, f) for f in (24, 12)) + sum(one.values())
    assert benchmark.count_ours(model, lengths) == pytest.approx(teacher + 3 * sum(one.values()))
    longest = one[8000] + benchmark.positions(model, 24) + benchmark.encoder(model, 24)
    assert benchmark.count_plain(model, lengths) == pytest.approx(2 * longest)
    model.views = 3
    assert benchmark.count_plain(model, lengths) > 2 * benchmark.count_ours(model, lengths)


def test_it_runs_and_ours_does_less(benchmark, capsys):
    benchmark.main(["--utterances", "2", "--rounds", "1", "--seconds", "0.5", "1.5"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[1:]] == ["matrix product", "ours", "plain", "ratio"]
    ratio, operations = (float(word) for word in lines[-1].replace(",", "").split() if word[0].isdigit())
    assert ratio > 1 and operations > 2

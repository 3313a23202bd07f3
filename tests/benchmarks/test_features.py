"""The benchmark of feature extraction: it runs, says what it compares, and counts as its formula says."""

import importlib.util
import re
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from c2ser.models.emotion2vec import Emotion2VecConfig
from c2ser.tasks.emotion2vec_s import Emotion2VecSTask
from tests.builders import BACKBONE, backbone, dump, task_config, write_parts


@pytest.fixture(scope="module")
def features():
    spec = importlib.util.spec_from_file_location("features", Path(__file__).parents[2] / "benchmarks/features.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    config = task_config(Emotion2VecSTask, backbone_conf=BACKBONE)
    return write_parts(tmp_path_factory.mktemp("model") / "e2v_s", config, backbone())


def run(features, capsys, files, *options):
    threads = torch.get_num_threads()
    try:
        features.main([*(str(word) for name, path in files.items() for word in (f"--{name}", path)), *options])
    finally:
        torch.set_num_threads(threads)
    return capsys.readouterr().out


def test_every_line_is_there(features, files, capsys):
    printed = run(features, capsys, files, "--total_seconds", "6", "--rounds", "1")
    installed = importlib.util.find_spec("funasr") is not None
    systems = ["FunASR", "plain", "ours fp32", "ours bf16"][not installed :]
    assert f"baseline: {systems[0]}" in printed and "GFLOP per second of audio" in printed
    lines = {name: re.search(rf"^{name} +(.+)%$", printed, re.M)[1] for name in systems}
    values = {name: [float(value) for value in line.split()] for name, line in lines.items()}
    assert all(len(row) == 7 for row in values.values())
    assert values[systems[0]][2] == 1.0 and all(value > 0 for row in values.values() for value in row[:3])
    assert values["plain"][3:5] == [0, 0]
    for name in systems:  # frames, tokens
        low, high = {"plain": (-1, 0), "ours bf16": (1e-6, 0.5)}.get(name, (0, 1e-4))
        assert all(low < value <= high for value in values[name][3:5])


def test_funasr_is_optional_and_audio_may_be_given(features, files, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(features.importlib.util, "find_spec", lambda name: None)
    audio = dump(tmp_path / "dump", 3)
    options = ["--audio_scp", str(audio / "wav.scp"), "--total_seconds", "0.5", "--rounds", "1"]
    printed = run(features, capsys, files, *options)
    assert "FunASR is not installed" in printed and "baseline: plain" in printed
    assert re.search(r"cpu, 1 threads, [12] utterances, 0\.[1-5] s of audio", printed)


@torch.no_grad()
@pytest.mark.parametrize("length", [9999, 30000])
def test_operations_are_those_of_the_network(features, files, length):
    """Against torch's own count, which leaves the bias, norms and softmax out too."""
    encoder = features.plain_encoder(files, "cpu")
    with FlopCounterMode(display=False) as counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        encoder.model(torch.randn(1, length), torch.tensor([length]))
    assert features.count_operations(encoder.model.config, length) == pytest.approx(counter.get_total_flops(), rel=1e-3)


def test_base_size_takes_fifteen_billion_a_second(features):
    assert features.count_operations(Emotion2VecConfig(), 160000) / 10 == pytest.approx(14.7e9, rel=0.05)


def test_noise_has_the_length_asked_for(features):
    waves = features.noise(60.0, seed=1)
    assert sum(map(len, waves)) == pytest.approx(960000, abs=400) and max(map(len, waves)) <= 240000
    assert all(torch.equal(one, other) for one, other in zip(waves, features.noise(60.0, seed=1)))

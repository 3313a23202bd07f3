"""The benchmark of L_frm's scale: a run in small, and that its rows compare."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from c2ser.datadir import write_table
from tests.closeness import nearly


@pytest.fixture
def data(tmp_path):
    """A training and a development set of eight utterances each, in two classes."""
    random = np.random.default_rng(0)
    for part in ("train", "dev"):
        (tmp_path / part).mkdir()
        names = [f"s1_{number}" for number in range(8)]
        for name in names:
            soundfile.write(tmp_path / part / f"{name}.wav", random.normal(0, 0.1, 8000), 16000)
        write_table(tmp_path / part / "wav.scp", {name: tmp_path / part / f"{name}.wav" for name in names})
        write_table(tmp_path / part / "utt2spk", dict.fromkeys(names, "s1"))
        write_table(tmp_path / part / "utt2emo", {name: ("sad", "happy")[place % 2] for place, name in enumerate(names)})
    return tmp_path


def test_a_run(benchmark, data, capsys):
    small = "--width 16 --depth 1 --epochs 2 --updates 2 --utterances 4 --seconds 0.3 --scales mean sqrt_dim".split()
    benchmark("frame_scale").main(["--data_dir", str(data), *small])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [(row[0], row[3]) for row in rows] == [("mean", "0"), ("sqrt_dim", "0"), ("mean", "100"), ("sqrt_dim", "100")]
    losses = [[float(value) for value in row[5:8]] for row in rows]
    assert [row[0] for row in losses] == pytest.approx([losses[0][0]] * 4, rel=1e-3)  # before training
    assert all(row[2] < row[0] for row in losses)


def test_losses_are_told_as_a_mean_over_channels(benchmark, data):
    module = benchmark("frame_scale")
    args = SimpleNamespace(width=16, depth=1, seed=0)
    told, logged = [], []
    for scale in ("mean", "sqrt_dim", "sqrt_768"):
        model = module.make(args, scale, 0.0)
        speech = module.read(data / "dev", 0.3)
        told.append(module.measure(model, speech, args)[0])
        torch.manual_seed(0)
        with torch.no_grad():
            logged.append(float(model.eval()(*module.batch(speech, list(range(8))))[0]))
    assert told == nearly([told[0]] * 3)
    assert logged[1] / logged[0] == nearly(math.sqrt(16))
    assert logged[2] / logged[0] == nearly(math.sqrt(768))

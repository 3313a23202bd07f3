"""Training through Slurm's own daemons: on two nodes, and from a job that Slurm takes its node from."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from tests.builders import BACKBONE
from tests.tasks.test_two_processes import STILL

ROOT = Path(__file__).resolve().parents[2]
CALM = {
    "shuffle_within_batch": False, "optim": "sgd", "optim_conf": {"lr": 0.02}, "batch_size": 4,
    "backbone_conf": {**BACKBONE, **STILL}, "model_conf": {"dropout": 0.0},
}  # fmt: skip
"""Nothing random, and every step shows the gradient: two processes then learn what one learns of their batches."""
EPOCHS = 25


@pytest.fixture
def submit(options, slurm):
    """Start a training as recipes do, through the launcher and slurm.pl; returns the launcher's process."""

    def start(task, folder, nodes, **config):
        command = options(task, folder, EPOCHS, **config)
        words = ["--cmd", "slurm.pl", "--log", "train.log", "--ngpu", 0, "--num_nodes", nodes, "--"]
        words += [sys.executable, "-m", "c2ser", f"train-{task.replace('_', '-')}", *command]
        path = {"PATH": f"{ROOT}/utils:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo"}
        (folder / "conf").symlink_to(ROOT / "egs/TEMPLATE/c2ser1/conf")
        return subprocess.Popen(
            [sys.executable, "-m", "c2ser.tasks.launch", *map(str, words)], cwd=folder, text=True,
            env={**slurm.environment, **path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return start


@pytest.fixture
def one_thread():
    """As many as a job of one core has, so that sums come in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_training_that_slurm_queues_again_goes_on(submit, train, slurm, one_thread, tmp_path):
    """One with everything random, in one process, ends with the very weights of an unbroken one; one on two nodes with what
    a single process learns of its batches. Both are queued again after an epoch or more, and go on from there."""
    begun = {1: submit("emotion2vec_s", tmp_path / "1", 1), 2: submit("emotion_classifier", tmp_path / "2", 2, **CALM)}

    def interrupt(nodes):
        folder = tmp_path / str(nodes)
        assert slurm.comes((folder / "exp/checkpoint.pth").exists), (folder / "train.log").read_text()
        slurm.requeue((folder / "q/train.job").read_text().strip())

    with ThreadPoolExecutor() as pool:
        list(pool.map(interrupt, begun))
    unbroken = [train("emotion2vec_s", tmp_path / "unbroken", EPOCHS)]
    unbroken.append(train("emotion_classifier", tmp_path / "single", EPOCHS, **CALM))
    for nodes, process in begun.items():
        said = process.communicate(timeout=600)
        log = (tmp_path / str(nodes) / "train.log").read_text()
        assert process.returncode == 0, said[1] + log[-5000:]
        first, again = log.split("# Ended (code 143)")
        assert f"{EPOCHS}/{EPOCHS}epoch started" not in first and again.count("The training was resumed") == nodes
        assert again.count(f"{EPOCHS}/{EPOCHS}epoch started") == nodes
    name = f"exp/{EPOCHS}epoch.pth"
    ours, wanted = (torch.load(folder) for folder in (tmp_path / "1" / name, tmp_path / "unbroken" / name))
    assert all(torch.equal(ours[key], wanted[key]) for key in wanted) and ours.keys() == wanted.keys()
    ours, wanted = (torch.load(folder) for folder in (tmp_path / "2" / name, tmp_path / "single" / name))
    torch.testing.assert_close(ours, wanted, atol=1e-4, rtol=1e-4)

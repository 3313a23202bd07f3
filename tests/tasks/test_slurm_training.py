"""Training through Slurm's own daemons: every stage on two nodes, in a job that Slurm takes its nodes from."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from c2ser.models import emotion2vec_s
from tests.tasks.ranks import command_of, masks_by_place, torchrun
from tests.tasks.test_two_processes import CONF, TRAININGS, miniature

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("small/train_e2v_s", "small/train_classifier", "small/train_explicit", "small/train_implicit")
"""Stage 5, from spectra, its supervised baseline, stages 10, with an alignment, and 11, which starts from it."""


@pytest.fixture
def submit(slurm, tmp_path):
    """Start trainings on two nodes as recipes do, by the launcher and slurm.pl; returns the launcher's process."""

    def start(plan):
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        words = ["--cmd", "slurm.pl", "--log", "train.log", "--ngpu", "0", "--num_nodes", "2", "--"]
        words += [sys.executable, "-m", "tests.tasks.ranks", "plan.json"]
        path = {"PATH": f"{ROOT}/utils:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo"}
        (tmp_path / "conf").symlink_to(ROOT / "egs/TEMPLATE/c2ser1/conf")
        return subprocess.Popen(
            [sys.executable, "-m", "c2ser.tasks.launch", *words], cwd=tmp_path, text=True,
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


def test_every_stage_trains_on_two_nodes(submit, options, slurm, one_thread, tmp_path, monkeypatch):
    """One training has everything random, and is queued again in its second epoch: it goes on from there to the very
    weights of an unbroken one. The others learn what a single process learns."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    chance = {"task": "emotion2vec_s", "masks": "random"}
    plan, wanted = [{**chance, "words": options("emotion2vec_s", tmp_path / "slurm/chance", 2)}], []
    for name in STAGES:
        task, config = TRAININGS[Path(name).name], miniature(CONF / f"{name}.yaml")
        for kind, trainings in (("slurm", plan), ("single", wanted)):
            if name.endswith("implicit"):
                config["init_param"] = [str(tmp_path / kind / "small/train_explicit/exp/valid.loss.ave.pth")]
            words = options(task, tmp_path / kind / name, 1, **config)
            trainings.append({"task": task, "masks": "by place", "words": words})
    process = submit(plan)

    torchrun(command_of("emotion2vec_s"), options("emotion2vec_s", tmp_path / "unbroken", 2))
    assert slurm.comes((tmp_path / "held").exists), (tmp_path / "train.log").read_text()
    slurm.requeue((tmp_path / "q/train.job").read_text().strip())
    monkeypatch.setattr(emotion2vec_s, "span_mask", masks_by_place)
    for training in wanted:
        command_of(training["task"])(training["words"])
    said, log = process.communicate(timeout=300), (tmp_path / "train.log").read_text()
    assert process.returncode == 0, said[1] + log[-5000:]
    first, again = re.split(r"# Ended \(code 1(?:43|37)\)", log)  # 137: run.py did not wait for its end any longer
    assert "2/2epoch started" in first and "was resumed" not in first and "The training was resumed" in again
    assert not list(tmp_path.glob(".dist_init_*"))

    ours, unbroken = (torch.load(tmp_path / name / "exp/2epoch.pth") for name in ("slurm/chance", "unbroken"))
    assert all(torch.equal(ours[key], unbroken[key]) for key in unbroken) and ours.keys() == unbroken.keys()
    for name in STAGES:
        ours, single = (torch.load(tmp_path / kind / name / "exp/1epoch.pth") for kind in ("slurm", "single"))
        torch.testing.assert_close(ours, single, atol=1e-4, rtol=1e-4, msg=lambda text: f"{name}: {text}")

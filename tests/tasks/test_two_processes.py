"""Every training with every configuration, in miniature: two processes of torchrun lead to the weights of one."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from espnet2.train.reporter import Reporter

from c2ser.models import emotion2vec_s
from c2ser.models.distributed import rank
from c2ser.tasks.iteration import balanced_batches
from c2ser.tasks.trainer import AtomicTrainer
from tests.builders import BACKBONE, CONNECTOR, PRETRAINING
from tests.tasks.ranks import command_of, masks_by_place, torchrun
from tests.tasks.test_c2ser_inputs import more

CONF = Path(__file__).parents[2] / "egs/TEMPLATE/c2ser1/conf"
TRAININGS = {
    "train_e2v_s": "emotion2vec_s", "train_classifier": "emotion_classifier", "train_explicit": "c2ser",
    "train_implicit": "c2ser",
}  # fmt: skip
FILES = sorted(CONF.glob("*/train_*.yaml"))
STILL = {"dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0}
LONGEST = 29 * 16000
"""Samples of the longest utterance that a training takes (--max_seconds)."""


def miniature(path):
    """A configuration with small networks and few batches, nothing random in them, and steps that show the gradient as it
    is; everything else as in the file."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    model = config["model_conf"]
    small = {
        "max_epoch": 1, "num_iters_per_epoch": 4, "batch_type": "unsorted", "batch_size": 4, "num_workers": 0,
        "use_amp": False, "optim": "sgd", "optim_conf": {"lr": 0.02}, "scheduler": None, "scheduler_conf": {},
        "use_tensorboard": False, "specaug": False,
        "accum_grad": min(2, config.get("accum_grad", 1)),
        "shuffle_within_batch": config.get("shuffle_within_batch", False),
    }  # fmt: skip
    if config.get("sampler") == "balanced":
        small["sampler_conf"] = {**config["sampler_conf"], "batch_size": 4}
    if "teacher_updates" in model:
        model["teacher_updates"] = 2
    task = TRAININGS[path.stem]
    if task == "c2ser":
        model |= {"llm_autocast": "none", **({"align_batches": 2} if "align_batches" in model else {})}
        small["llm_conf"] = {**config["llm_conf"], "dtype": "float32", "rank": 2, "dropout": 0.0}
        if config["llm_conf"]["train"] == "full":
            small["llm_conf"] = {"train": "full"}
        small["connector_conf"] = {**CONNECTOR, "dropout": 0.0}
        if "whisper_blocks" in config:
            small["whisper_blocks"] = 1
    else:
        small["backbone_conf"] = {**BACKBONE, **STILL}
        model |= {**PRETRAINING, "mask_noise": 0.0} if task == "emotion2vec_s" else {"dropout": 0.0}
        del small["specaug"]
    return {**config, **small, "model_conf": model}


@pytest.fixture(autouse=True)
def fixed(monkeypatch):
    """Masks by place alone."""
    monkeypatch.setattr(emotion2vec_s, "span_mask", masks_by_place)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")


def two(task, options, folder, epochs, nodes=1, restarts=0, **config):
    """Train in two processes of torchrun; returns the folder of the experiment."""
    torchrun(command_of(task), options(task, folder, epochs, **config), nodes, restarts)
    return folder / "exp"


def figures(folder):
    """The averages over the first epoch of training and development that are no times."""
    reporter = Reporter()
    reporter.load_state_dict(torch.load(folder / "checkpoint.pth", weights_only=False)["reporter"])
    named = {part: values for part, values in reporter.stats[1].items() if part in ("train", "valid")}
    return {
        (part, name): value for part, values in named.items() for name, value in values.items()
        if isinstance(value, float) and not name.endswith("time")
    }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_two_processes_train_as_one(path, train, options, tmp_path):
    task, config = TRAININGS[path.stem], miniature(path)
    folders = [train(task, tmp_path / "one", 1, **config), two(task, options, tmp_path / "two", 1, **config)]
    one, other = (torch.load(folder / "1epoch.pth") for folder in folders)
    torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-4)
    told = [figures(folder) for folder in folders]
    assert told[0].keys() == told[1].keys() and told[0]["train", "loss"] > 0
    for name, value in told[0].items():
        assert told[1][name] == pytest.approx(value, rel=1e-3, abs=1e-4), name


@pytest.mark.parametrize("task", ["emotion2vec_s", "emotion_classifier"])
def test_layers_may_be_dropped(task, options, tmp_path):
    """Every process drops its own: no weight is waited for."""
    conf = {"backbone_conf": {**BACKBONE, "layerdrop": 0.5}, "num_iters_per_epoch": 8}
    folder = two(task, options, tmp_path, 1, **conf)
    assert all(value.isfinite().all() for value in torch.load(folder / "1epoch.pth").values())


def test_torchrun_starts_again_what_has_died(options, tmp_path, monkeypatch):
    """Both processes go on after the last checkpoint, and end as those of an unbroken training, dropout and all."""
    begun, train_one_epoch = tmp_path / "begun", AtomicTrainer.train_one_epoch

    def dying(reporter, **arguments):
        if rank() == 0:
            with open(begun, "a") as stream:
                stream.write(f"{reporter.epoch} ")
            if (reporter.epoch, os.environ["TORCHELASTIC_RESTART_COUNT"]) == (2, "0"):
                os._exit(1)
        return train_one_epoch(reporter=reporter, **arguments)

    unbroken = two("emotion2vec_s", options, tmp_path / "unbroken", 2)
    monkeypatch.setattr(AtomicTrainer, "train_one_epoch", dying)
    broken = two("emotion2vec_s", options, tmp_path / "broken", 2, restarts=1)
    assert begun.read_text() == "1 2 2 "
    ours, wanted = (torch.load(folder / "2epoch.pth") for folder in (broken, unbroken))
    assert ours.keys() == wanted.keys() and all(torch.equal(ours[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("ranks", [1, 8])
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_rank_of_eight_is_left_without_an_utterance(path, ranks, tmp_path, monkeypatch):
    """Batches by class and language, as `egs/all` draws them, over utterances of every length up to the longest."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = [f"u{number:03d}" for number in range(300)]
    lengths = [1600 + number * (LONGEST - 1600) // 299 for number in range(300)]
    for table, values in {"label": [number % 7 for number in range(300)], "shape": lengths}.items():
        (tmp_path / table).write_text("".join(f"{name} {value}\n" for name, value in zip(names, values)))
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: ranks)
    args = SimpleNamespace(sampler_conf={**config.get("sampler_conf", {}), "by": ["label"]}, seed=0)
    options = SimpleNamespace(
        shape_files=[tmp_path / "shape"], data_path_and_name_and_type=[(tmp_path / "label",)], distributed=True,
        batch_size=config.get("batch_size", 20), num_iters_per_epoch=25,
    )  # fmt: skip
    for batch in balanced_batches(args, options).epoch(1):
        assert len(batch) >= ranks


def test_distillation_in_two_processes_is_that_of_one(options, inputs, tmp_path):
    """With a teacher, a batch of three in parts of two and one, and two machines of one process: the mean of the
    divergence is over utterances."""
    from c2ser.bin import train_c2ser

    config = miniature(CONF / "scratch/train_implicit.yaml")
    config["model_conf"] |= {"train_mode": "implicit", "kl_weight": 2.0, "kl_temperature": 1.5}
    config |= {"sampler": "espnet", "batch_size": 3}
    teach = [*more(inputs, tmp_path, "teacher", "text_float", lambda number: f"0.{number}5 0.1")[:2],
             "--teacher_labels", "angry,disgusted"]  # fmt: skip
    train_c2ser.main([*options("c2ser", tmp_path / "one", 1, **config), *teach])
    folder = two("c2ser", lambda *args, **conf: [*options(*args, **conf), *teach], tmp_path / "two", 1, 2, **config)
    one, other = (torch.load(path / "1epoch.pth") for path in (tmp_path / "one/exp", folder))
    torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-4)
    told = [figures(path) for path in (tmp_path / "one/exp", folder)]
    assert told[0]["train", "loss_kl"] > 0.01
    assert told[1]["train", "loss_kl"] == pytest.approx(told[0]["train", "loss_kl"], rel=1e-3)

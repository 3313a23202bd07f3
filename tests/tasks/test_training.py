"""Both tasks, trained for a few batches: what they leave, and whether a killed training ends as an unbroken one."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from espnet2.train.reporter import Reporter

from c2ser.inference.emotion_encoder import EmotionEncoder
from c2ser.models.build import build_c2ser
from c2ser.models.emotion2vec import backbone_config
from c2ser.models.emotion_classifier import EmotionClassifier
from c2ser.tasks.trainer import AtomicTrainer
from tests.builders import BACKBONE, PRETRAINING, waves
from tests.closeness import nearly
from tests.cluster import free_ports

TASKS = ("emotion2vec_s", "c2ser")
RARE = {
    "sampler": "balanced", "sampler_conf": {"temperature": 2.0, "batch_size": 4, "unlabelled": 0.25},
    "augment": {"speed": [0.9, 1.1], "noise_db": [5, 20], "mask_spans": 1},
}  # fmt: skip
JOINT = {
    "sampler": "balanced",
    "sampler_conf": {"by": ["label", "language", "corpus"], "temperature": 2.0, "batch_size": 4},
}
ROOT = Path(__file__).parents[2]

KILLED_IN_A_BATCH = """
import os, signal, sys
from c2ser.models.{module} import {name} as Model
forward, passes = Model.forward, []

def dying(self, *args, **kwargs):
    passes.append(self.training)
    if sum(passes) == {batch}:
        os.kill(os.getpid(), signal.SIGKILL)
    return forward(self, *args, **kwargs)

Model.forward = dying
from c2ser.bin import train_{module}
train_{module}.main(sys.argv[1:])
"""

KILLED_IN_A_SAVE = """
import os, signal, sys, torch
save, saves = torch.save, []

def dying(state, target, *args, **kwargs):
    saves.append(target)
    if sum("checkpoint.pth" in str(target) for target in saves) == 2:
        target.write(b"half of a check")
        target.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return save(state, target, *args, **kwargs)

torch.save = dying
from c2ser.bin import train_{module}
train_{module}.main(sys.argv[1:])
"""


FINE = {
    "emotion2vec_s": {"train_dtype": "float64", "keep_nbest_models": 3},
    "c2ser": {"optim_conf": {"lr": 1.0e-2, "eps": 0.1}, "keep_nbest_models": 3},
}
"""For trainings that must end the same but for rounding: what rounds otherwise in another process must not be enlarged.
Adam takes steps of one size whatever the gradient's, unless `eps` is above it; Whisper knows no float64."""


def assert_same(found, wanted, before):
    """Two states are of one training but for rounding: within a ten-thousandth of its longest way from `before`."""
    assert found.keys() == wanted.keys() == before.keys()
    numbers = {name for name, value in wanted.items() if value.is_floating_point()}
    assert all(torch.equal(found[name], wanted[name]) for name in wanted.keys() - numbers)
    way = max(float((wanted[name] - before[name]).abs().max()) for name in numbers)
    assert way > 1e-3
    for name in numbers:
        torch.testing.assert_close(found[name], wanted[name], rtol=0, atol=1e-4 * way, msg=name)


def weights(folder, epoch):
    return torch.load(folder / f"{epoch}epoch.pth")


def reports(folder):
    """Epoch → the figures of training and development."""
    reporter = Reporter()
    reporter.load_state_dict(torch.load(folder / "checkpoint.pth", weights_only=False)["reporter"])
    return reporter.stats


@pytest.mark.parametrize("task", TASKS)
def test_training_leaves_what_the_next_stages_read(task, train, tmp_path):
    folder = train(task, tmp_path, 2)
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert config["max_epoch"] == 2 and config["model_conf"]
    best = torch.load(folder / "valid.loss.ave.pth", weights_only=True)
    assert all(value.isfinite().all() for value in best.values())
    assert (folder / "checkpoint.pth").is_file() and not list(folder.glob("*.partial"))
    stats = reports(folder)
    assert set(stats) == {1, 2}
    names = {
        "emotion2vec_s": {"loss", "loss_frm", "loss_utt", "loss_cate", "retrieval_acc", "target_var"},
        "c2ser": {"loss", "acc", "loss_implicit", "acc_answer_implicit"},
    }[task]
    for epoch in stats.values():
        assert names <= set(epoch["valid"]) and "loss" in epoch["train"]
        for part in ("train", "valid"):
            assert all(abs(value) < 1e6 for value in epoch[part].values() if isinstance(value, float))  # NaN is not


def test_stage_two_counts_its_batches(train, tmp_path):
    folder = train("c2ser", tmp_path, 2)
    state = weights(folder, 2)
    assert int(state["batches"]) == 8
    assert not any(name.startswith("llm.") and "lora" not in name for name in state)
    first, second = (reports(folder)[epoch]["train"] for epoch in (1, 2))
    assert "loss_explicit" in first and "loss_implicit" in second  # 8 batches: from always explicit to always implicit


@pytest.mark.parametrize("task", TASKS)
def test_a_seed_decides_everything(task, train, tmp_path):
    seeds = {"a": 1, "b": 1, "c": 2}
    folders = [train(task, tmp_path / name, 2, seed=seed, **FINE[task]) for name, seed in seeds.items()]
    one, two, three = (weights(folder, 2) for folder in folders)
    assert_same(two, one, weights(folders[0], 1))
    with pytest.raises(AssertionError):
        assert_same(three, one, weights(folders[0], 1))


def test_stage_two_starts_from_stage_one(train, tmp_path):
    first = train("c2ser", tmp_path / "explicit", 2, model_conf={"train_mode": "explicit"})
    start = str(first / "valid.loss.ave.pth")
    second = train("c2ser", tmp_path / "implicit", 2, init_param=[start], optim_conf={"lr": 0.0})
    before, after = torch.load(start), weights(second, 2)
    assert all(torch.equal(before[name], after[name]) for name in before if name != "batches")
    assert int(after["batches"]) == 8  # its own, not those of the first stage: it begins with explicit batches
    assert "loss_explicit" in reports(second)[1]["train"]


def test_pretraining_from_a_checkpoint_counts_anew(train, tmp_path):
    first = train("emotion2vec_s", tmp_path / "first", 2)
    second = train("emotion2vec_s", tmp_path / "second", 1, init_param=[str(first / "2epoch.pth")])
    assert (int(weights(first, 2)["updates"]), int(weights(second, 1)["updates"])) == (4, 2)


def test_the_teacher_moves_once_an_optimiser_step(train, tmp_path):
    """Five batches an epoch, two a step: the fifth belongs to no step."""
    state = weights(train("emotion2vec_s", tmp_path, 2, num_iters_per_epoch=5), 2)
    assert int(state["updates"]) == 4
    conf = {**PRETRAINING, "ema_decay": 0.0, "ema_end_decay": 0.0}
    state = weights(train("emotion2vec_s", tmp_path / "same", 1, num_iters_per_epoch=5, model_conf=conf), 1)
    for name in state:
        if name.startswith("teacher."):
            assert torch.equal(state[name], state[name.replace("teacher.", "student.", 1)])


def test_bfloat16_trains_to_nearly_the_same(train, tmp_path):
    still = {**BACKBONE, "dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0}
    options = {"backbone_conf": still, "model_conf": {"dropout": 0.0}}
    folders = [
        train("emotion_classifier", tmp_path / autocast, 2, autocast=autocast, **options)
        for autocast in ("none", "bfloat16")
    ]
    losses = [reports(folder)[2]["valid"]["loss"] for folder in folders]
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.05)
    states = [weights(folder, 2) for folder in folders]
    assert {value.dtype for value in states[1].values() if value.is_floating_point()} == {torch.float32}


def test_the_baseline_leaves_a_backbone(train, tmp_path):
    """Its features come from the command that extracts those of Emotion2Vec-S."""
    folder = train("emotion_classifier", tmp_path, 2, **RARE)
    assert {"loss", "acc"} <= set(reports(folder)[2]["valid"])
    encoder = EmotionEncoder(folder / "config.yaml", folder / "valid.loss.ave.pth")
    model = EmotionClassifier(backbone_config(BACKBONE)).eval()
    model.load_state_dict(torch.load(folder / "valid.loss.ave.pth", weights_only=True))
    speech, lengths = waves([4000, 3000])
    with torch.no_grad():
        wanted = model.student(speech, lengths)[1]
    torch.testing.assert_close(encoder(speech, lengths)[0], wanted, atol=1e-4, rtol=1e-3)


def test_torchrun_trains_as_one_process(train, options, tmp_path):
    """The same batches, shared out, and the same augmentation, lead to the same weights. The command is that of a
    recipe's log; that no GPU is visible hinders no process on a CPU."""
    still = {**BACKBONE, "dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0}
    common = {**RARE, "backbone_conf": still, "model_conf": {"dropout": 0.0}, "optim": "sgd", "optim_conf": {"lr": 0.1}}
    one = weights(train("emotion_classifier", tmp_path / "one", 2, **common), 2)
    command = options("emotion_classifier", tmp_path / "two", 2, **common)
    command += ["--ngpu", "0", "--multiprocessing_distributed", "True"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    torchrun = ["-m", "torch.distributed.run", "--master_addr", "localhost", "--master_port", str(free_ports(1)[0])]
    torchrun += ["--nproc_per_node", "2", "-m", "c2ser", "train-emotion-classifier"]
    done = subprocess.run(
        [sys.executable, *torchrun, *command],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("2/2epoch started") == 2  # said by each of them
    torch.testing.assert_close(weights(tmp_path / "two" / "exp", 2), one, atol=1e-4, rtol=1e-3)


def test_a_bfloat16_base_stays_so(train, tmp_path, monkeypatch):
    """ESPnet casts a model to its train_dtype."""
    seen, run = [], AtomicTrainer.run
    monkeypatch.setattr(AtomicTrainer, "run", lambda model, **given: seen.append(model) or run(model=model, **given))
    train("c2ser", tmp_path, 1, llm_conf={"rank": 2, "dtype": "bfloat16"})
    kinds = {weight.requires_grad: weight.dtype for weight in seen[0].llm.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}


@pytest.mark.parametrize("able, dtype, autocast", [(True, "bfloat16", "bfloat16"), (False, "float32", "none")])
def test_config_yaml_says_what_auto_meant(train, tmp_path, monkeypatch, able, dtype, autocast):
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": able})
    auto = {"llm_conf": {"rank": 2, "dtype": "auto"}, "model_conf": {"train_mode": "explicit", "llm_autocast": "auto"}}
    written = yaml.safe_load((train("c2ser", tmp_path, 1, **auto) / "config.yaml").read_text(encoding="utf-8"))
    assert (written["llm_conf"]["dtype"], written["model_conf"]["llm_autocast"]) == (dtype, autocast)


def kill(script, options, task):
    """Train in a process of its own that kills itself where the script says."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    names = {"emotion2vec_s": "Emotion2VecS", "c2ser": "C2SER"}
    script = script.format(module=task, name=names[task], batch=7)  # in the second of three epochs
    done = subprocess.run([sys.executable, "-c", script, *options], env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


@pytest.mark.parametrize(("task", "script"), list(zip(TASKS, (KILLED_IN_A_SAVE, KILLED_IN_A_BATCH))), ids=TASKS)
def test_a_killed_training_ends_as_an_unbroken_one(task, script, train, options, tmp_path):
    """Five batches an epoch, two an optimiser step: an epoch ends within a step. Both are balanced, C2SER by corpus too;
    pretraining is augmented."""
    more = {"num_iters_per_epoch": 5, **FINE[task], **(RARE if task == "emotion2vec_s" else JOINT)}
    unbroken = train(task, tmp_path / "unbroken", 3, **more)
    command = options(task, tmp_path / "killed", 3, **more)
    kill(script, command, task)
    broken = tmp_path / "killed" / "exp"
    assert (broken / "checkpoint.pth").is_file() and not (broken / "2epoch.pth").exists()
    train(task, tmp_path / "killed", 3, **more)
    before = weights(unbroken, 1)
    assert_same(weights(broken, 3), weights(unbroken, 3), before)
    ends = [reports(folder)[3]["valid"]["loss"] for folder in (unbroken, broken)]
    assert ends[1] == nearly(ends[0])
    assert_same(*(torch.load(folder / "valid.loss.ave.pth") for folder in (broken, unbroken)), before)
    assert not list(broken.glob("*.partial"))


def test_sums_over_layers_are_learnt(train, tmp_path):
    """Of Whisper's blocks, the option written into config.yaml, and of emotion tokens, here of three layers of 8."""
    conf = {"train_mode": "implicit", "freeze_encoder": True, "keep_frames": True, "emotion_layers": 3}
    folder = train("c2ser", tmp_path, 1, whisper_blocks="mix", specaug=False, model_conf=conf)
    state = weights(folder, 1)
    assert state["mixture.weights"].abs().min() > 0 and state["emotion_mixture.weights"].abs().min() > 0
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert config["whisper_blocks"] == "mix"
    model = build_c2ser(argparse.Namespace(**config))
    model.load_state_dict(state)
    assert len(model.mixture.weights) == 2 and model.subsampler.convs[0].in_channels == 16

"""Trainings that are killed, asked to end, or meet what is not finite: they end with the weights of one that is not, bit
for bit. The oracle is the unbroken run; the two run in processes that are alike."""

import logging
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import sys
import zlib

import numpy as np
import pytest
import torch
from espnet2.schedulers.warmup_lr import WarmupLR
from espnet2.train.reporter import Reporter
from torch.utils.data import DataLoader

from c2ser.errors import InputError
from c2ser.models.c2ser import C2SER
from c2ser.models.emotion2vec_s import Emotion2VecS
from c2ser.tasks import midway
from c2ser.tasks.trainer import AtomicTrainer
from tests.tasks.test_training import JOINT, RARE

TASKS = {"emotion2vec_s": Emotion2VecS, "c2ser": C2SER}
LONG = {"num_iters_per_epoch": 7, "accum_grad": 2, "checkpoint_minutes": 1e-9, "keep_nbest_models": 2}
"""Seven batches an epoch, two an update, a checkpoint after each: an epoch ends within an update."""
MORE = {
    "emotion2vec_s": {**RARE, "scheduler": "warmuplr", "scheduler_conf": {"warmup_steps": 5}},
    "c2ser": {
        **JOINT, "model_conf": {"train_mode": "explicit_to_implicit", "freeze_encoder": True, "keep_frames": True,
                                "standardize": True}, "specaug": False,
    },
}  # fmt: skip


def alone(log):
    """To be called first in a process of its own: one thread, and all that it says goes to a file."""
    sys.stderr = open(log, "a", buffering=1, encoding="utf-8")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
    torch.set_num_threads(1)


def in_a_process(work, log):
    """Run `work` in a process that takes this one's modules along; returns its exit status."""
    process = multiprocessing.get_context("fork").Process(target=lambda: (alone(log), work()))
    process.start()
    process.join(timeout=300)
    return process.exitcode


def struck(monkeypatch, task, call=None, number=signal.SIGKILL, lost=lambda names: False, steep=lambda names: False):
    """The model's forward pass sends its process a signal at that call, training and validation counted together; where
    `lost` says so of a batch, its loss is not finite in training, where `steep` does its gradient alone."""
    forward, made = TASKS[task].forward, []

    def strike(self, *args, **kwargs):
        made.append(1)
        if len(made) == call:
            os.kill(os.getpid(), number)
        loss, stats, weight = forward(self, *args, **kwargs)
        if self.training and lost(kwargs["utt_id"]):
            loss = loss * float("nan")
            stats = {**stats, "loss": loss.detach()}
        if self.training and steep(kwargs["utt_id"]):
            loss.register_hook(lambda gradient: gradient * float("nan"))
        return loss, stats, weight

    monkeypatch.setattr(TASKS[task], "forward", strike)


def one_in_eight(remainder):
    """Whether a batch is one of those, by the names in it."""
    return lambda names: zlib.crc32(" ".join(names).encode()) % 8 == remainder


def state(folder, name):
    return torch.load(folder / name, weights_only=True)


def assert_equal(found, wanted, names=("1epoch.pth", "2epoch.pth", "valid.loss.ave.pth")):
    for name in names:
        one, other = state(found, name), state(wanted, name)
        assert one.keys() == other.keys()
        assert [key for key in one if not torch.equal(one[key], other[key])] == []


def figures(folder):
    """(epoch, part, name) → figure, but for times."""
    reporter = Reporter()
    reporter.load_state_dict(torch.load(folder / "checkpoint.pth", weights_only=False)["reporter"])
    return {
        (epoch, part, name): value for epoch, parts in reporter.stats.items() for part, values in parts.items()
        for name, value in values.items() if not name.endswith("time")
    }  # fmt: skip


@pytest.mark.parametrize("task, call", [("emotion2vec_s", 4), ("c2ser", 6)])
def test_killed_again_and_again_it_ends_as_unbroken(task, call, train, tmp_path, monkeypatch):
    """Every process is killed at that forward pass of its own, of training or validation: most within an update."""
    config, (whole, broken), lives = {**LONG, **MORE[task]}, (tmp_path / "whole", tmp_path / "broken"), []
    for folder in (whole, broken):
        folder.mkdir()
    struck(monkeypatch, task, lost=one_in_eight(0), steep=one_in_eight(2))
    assert in_a_process(lambda: train(task, whole, 2, **config), whole / "log") == 0, (whole / "log").read_text()
    struck(monkeypatch, task, call)
    while not lives or lives[-1] == -signal.SIGKILL:
        lives.append(in_a_process(lambda: train(task, broken, 2, **config), broken / "log"))
    assert lives[-1] == 0 and len(lives) > 3, (broken / "log").read_text()
    assert_equal(broken / "exp", whole / "exp")
    wanted = figures(whole / "exp")
    np.testing.assert_equal(figures(broken / "exp"), wanted)
    assert not list((broken / "exp").glob("midway*"))
    log = (whole / "log").read_text()
    assert "the loss is not finite, of " in log and "the gradient is not finite, of " in log


@pytest.fixture(scope="module")
def whole(options, tmp_path_factory):
    """The experiment of an unbroken pretraining of LONG, in this process."""
    from c2ser.bin import train_emotion2vec_s

    folder = tmp_path_factory.mktemp("whole")
    train_emotion2vec_s.main(options("emotion2vec_s", folder, 2, **LONG))
    return folder / "exp"


@pytest.fixture
def ended(train, tmp_path, monkeypatch):
    """ended(call, signal): the same training here, ended by a signal at that forward pass; returns its experiment."""

    def call(number, sent=signal.SIGTERM, **changes):
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as caught:
            struck(patch, "emotion2vec_s", number, sent)
            train("emotion2vec_s", tmp_path, 2, **{**LONG, **changes})
        assert caught.value.code == 143
        return tmp_path / "exp"

    return call


def found(folder):
    return sorted(path.name for path in folder.glob("midway*"))


def test_signals_write_a_checkpoint_and_end(whole, ended, train, tmp_path):
    """In the third batch of seven, two an update: after the fourth; in the last: before the validation."""
    before = [signal.getsignal(number) for number in midway.SIGNALS]
    folder = ended(3, signal.SIGTERM, checkpoint_minutes=0)
    assert found(folder) == ["midway.1.4.pth"] and not (folder / "checkpoint.pth").exists()
    assert found(ended(3, signal.SIGUSR1, checkpoint_minutes=0)) == ["midway.1.4.pth", "midway.1.7.pth"]
    held = midway.read_state(folder / "midway.1.7.pth")["made_with"]
    assert held["config"] == (folder / "config.yaml").read_text() and held["torch"] == torch.__version__
    assert {"revision", "espnet"} <= held.keys()
    train("emotion2vec_s", tmp_path, 2, **{**LONG, "checkpoint_minutes": 0})
    assert_equal(folder, whole)
    assert found(folder) == [] and [signal.getsignal(number) for number in midway.SIGNALS] == before


class Trap:
    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(whole, ended, train, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    folder = ended(6)
    assert found(folder) == ["midway.1.4.pth", "midway.1.6.pth"]  # the last two
    both = {path.name: path.read_bytes() for path in folder.glob("midway*")}
    held = midway.read_state(folder / "midway.1.6.pth")["model"]["decoder.project.weight"]
    place = both["midway.1.6.pth"].index(held.numpy().tobytes())
    flipped = both["midway.1.6.pth"]
    flipped = flipped[: place + 1] + bytes([flipped[place + 1] ^ 1]) + flipped[place + 2 :]
    (folder / "midway.1.6.pth").write_bytes(flipped)
    train("emotion2vec_s", tmp_path, 2, **LONG)
    assert_equal(folder, whole)
    lines = [one.message for one in caplog.records if "a damaged" in one.message or "goes on after" in one.message]
    assert len(lines) == 2 and "midway.1.6.pth: a damaged checkpoint (the bytes of " in lines[0]
    assert lines[1].startswith("epoch 1 goes on after batch 4, from ") and lines[1].endswith("midway.1.4.pth")
    caplog.clear()

    shutil.rmtree(folder)
    folder.mkdir()
    trap = Trap()
    trap.path = tmp_path / "trapped"
    torch.save({"model": trap}, folder / "midway.1.6.pth")
    (folder / "midway.1.4.pth").write_bytes(both["midway.1.4.pth"][:-3000])
    (folder / "midway.2.2.pth").write_bytes(b"of a training that is gone")
    (folder / "midway.new.pth.partial").write_bytes(b"half of a check")
    train("emotion2vec_s", tmp_path, 2, **LONG)
    assert_equal(folder, whole)
    assert not trap.path.exists() and found(folder) == []
    assert "midway.1.6.pth: not a state dict that loads with weights_only: damaged, or it holds more than numbers" in caplog.text


def test_with_other_batches_the_epoch_starts_anew(ended, train, tmp_path, caplog):
    ended(3)
    train("emotion2vec_s", tmp_path, 1, **{**LONG, "batch_size": 2})
    assert "midway.1.4.pth: its data, batches, seed or processes were others" in caplog.text
    first = tmp_path / "exp/1epoch.pth"
    train("emotion2vec_s", tmp_path / "other", 1, **{**LONG, "batch_size": 2})
    assert_equal(first.parent, tmp_path / "other/exp", ["1epoch.pth"])


def test_too_many_updates_skipped_in_a_row(train, tmp_path, monkeypatch, caplog):
    struck(monkeypatch, "emotion2vec_s", lost=lambda names: True)
    with pytest.raises(InputError, match=r"epoch 1: 2 updates in a row skipped \(max_skipped_updates\).*the loss.* s1_0"):
        train("emotion2vec_s", tmp_path, 1, **{**LONG, "max_skipped_updates": 2})
    assert "epoch 1: update 1 skipped (1 in a row, 1 in the epoch): the loss is not finite, of s1_0" in caplog.text
    with pytest.raises(InputError, match="epoch 1: no update was made: its 7 batches"):
        train("emotion2vec_s", tmp_path / "all", 1, **LONG)
    with pytest.raises(InputError, match="epoch 1: no update was made: its 7 batches are fewer than accum_grad 8"):
        train("emotion2vec_s", tmp_path / "few", 1, **{**LONG, "accum_grad": 8})


def test_two_processes_go_on_together(options, tmp_path, monkeypatch):
    """A signal reaches the second alone; dropout and masks are each process' own."""
    from c2ser.bin import train_emotion2vec_s

    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    config = {**LONG, **RARE, "checkpoint_minutes": 0}
    context = multiprocessing.get_context("fork")

    def work(folder, rank, command):
        alone(folder / f"log{rank}")
        if rank == 1 and folder.name == "broken" and not (folder / "exp/midway.1.4.pth").exists():
            struck(monkeypatch, "emotion2vec_s", 3, signal.SIGTERM)
        train_emotion2vec_s.main([*command, "--dist_rank", str(rank)])

    def two(folder, life):
        command = options("emotion2vec_s", folder, 2, **config)
        command += ["--dist_backend", "gloo", "--dist_init_method", f"file://{folder}/meet{life}", "--dist_world_size", "2"]
        ranks = [context.Process(target=work, args=(folder, rank, command)) for rank in range(2)]
        for rank in ranks:
            rank.start()
        for rank in ranks:
            rank.join(timeout=300)
        return [rank.exitcode for rank in ranks], "".join((folder / f"log{rank}").read_text() for rank in range(2))

    ends = {name: [two(tmp_path / name, life) for life in lives] for name, lives in {"whole": "1", "broken": "12"}.items()}
    assert [status for status, _ in ends["whole"]] == [[0, 0]], ends["whole"]
    assert [status for status, _ in ends["broken"]] == [[143, 143], [0, 0]], ends["broken"]
    assert_equal(tmp_path / "broken/exp", tmp_path / "whole/exp")
    assert "epoch 1 goes on after batch 4" in ends["broken"][1][1]


def parts(seed):
    torch.manual_seed(seed)
    model = torch.nn.Linear(3, 2)
    optimizers = [torch.optim.Adam(model.parameters(), lr=1.0 + seed)]
    return {"model": model, "optimizers": optimizers, "schedulers": [WarmupLR(optimizers[0], warmup_steps=3 + seed)],
            "scaler": torch.amp.GradScaler("cpu", init_scale=4.0 + seed)}  # fmt: skip


def step(model, optimizers, schedulers, scaler):
    model.zero_grad()
    scaler.scale(model(torch.ones(1, 3)).sum()).backward()
    scaler.step(optimizers[0])
    scaler.update()
    schedulers[0].step()
    return [model.weight.tolist(), optimizers[0].param_groups[0]["lr"], scaler.get_scale()]


def test_everything_comes_back(tmp_path):
    """What is written and read goes on as what was not: parts of the trainer, generators of random numbers."""
    first, second = parts(0), parts(1)
    step(**first)
    random.gauss(0, 1)  # which keeps a second number, as the next does
    np.random.normal()
    torch.save({**midway.state(**first), "generators": midway.generators()}, tmp_path / "state.pth")
    wanted = [step(**first), random.random(), random.gauss(0, 1), np.random.normal(), float(torch.rand(()))]
    held = midway.read_state(tmp_path / "state.pth")
    midway.restore(held, **second)
    midway.set_generators(held["generators"])
    assert [step(**second), random.random(), random.gauss(0, 1), np.random.normal(), float(torch.rand(()))] == wanted


@pytest.mark.parametrize("name, value", [
    ("model", {"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}), ("optimizers", [{"state": {}, "param_groups": []}]),
    ("optimizers", ["nothing"]), ("schedulers", None),
])  # fmt: skip
def test_a_checkpoint_of_another_configuration_is_refused(name, value):
    with pytest.raises(InputError, match="are of another model or optimiser"):
        midway.restore({**midway.state(**parts(0)), name: value}, **parts(1))


def checkpoint(path, epoch, seed):
    """One of ESPnet's, with figures as it makes them."""
    reporter = Reporter()
    for number in range(1, epoch + 1):
        with reporter.observe("valid", epoch=number) as part:
            part.register({"loss": 1.0 * number}, weight=2.0)
            part.register({"other": 0.5})
            part.next()
    whole = parts(seed)
    torch.save({**midway.state(**whole), "reporter": reporter.state_dict()}, path)
    return whole["model"].state_dict()


def test_an_epochs_checkpoint_is_read_or_that_of_the_epoch_before(tmp_path, caplog):
    path, before = tmp_path / "checkpoint.pth", tmp_path / "midway.before.pth"
    last, earlier = checkpoint(path, 3, 5), checkpoint(before, 2, 6)

    def resume():
        mine, reporter = parts(1), Reporter()
        AtomicTrainer.resume(checkpoint=path, reporter=reporter, **mine)
        return reporter, mine["model"].state_dict()

    reporter, found = resume()
    assert torch.equal(found["weight"], last["weight"]) and reporter.get_epoch() == 3
    assert reporter.get_value("valid", "loss") == 3.0
    assert torch.equal(state(tmp_path, "3epoch.pth")["weight"], last["weight"])  # which a kill can have prevented
    path.write_bytes(path.read_bytes()[:-500])
    caplog.clear()
    reporter, found = resume()
    assert torch.equal(found["weight"], earlier["weight"]) and reporter.get_epoch() == 2
    assert [record.levelname for record in caplog.records if "damaged" in record.message] == ["WARNING"]
    before.unlink()
    trap = Trap()
    trap.path = tmp_path / "trapped"
    path.write_bytes(pickle.dumps(trap))
    with pytest.raises(InputError, match="checkpoint.pth: .*none before it; remove its folder"):
        resume()
    torch.save({"model": trap}, path)
    with pytest.raises(InputError, match="checkpoint.pth: not a state dict .* it holds more than numbers"):
        resume()
    assert not trap.path.exists()


def test_workers_leave_signals_to_their_training():
    loader = midway.shielded(DataLoader(list(range(12)), batch_sampler=[[number] for number in range(12)], num_workers=1))
    batches = iter(loader)
    seen = [int(next(batches))]
    for number in midway.SIGNALS:
        os.kill(batches._workers[0].pid, number)
    assert seen + [int(batch) for batch in batches] == list(range(12))

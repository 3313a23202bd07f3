"""Checkpoints that are whole or not there."""

import errno
import io
import logging
import os
import random
import resource
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from espnet2.torch_utils.set_all_random_seed import set_all_random_seed
from espnet2.train.trainer import Trainer

from c2ser.recipe.progress import COUNT
from c2ser.tasks.midway import Midway
from c2ser.tasks.trainer import AtomicTrainer, Counted, atomic_saves


class Unpicklable:
    def __reduce__(self):
        raise ValueError("cannot be saved")


def test_files_appear_whole(tmp_path, monkeypatch):
    target, seen, replace = tmp_path / "checkpoint.pth", [], os.replace

    def watch(partial, final):
        seen.append((target.exists(), torch.load(partial)))
        replace(partial, final)

    monkeypatch.setattr(os, "replace", watch)
    with atomic_saves():
        torch.save({"a": 1}, target)
        torch.save({"a": 2}, str(target))
    assert seen == [(False, {"a": 1}), (True, {"a": 2})]
    assert torch.load(target) == {"a": 2} and sorted(os.listdir(tmp_path)) == ["checkpoint.pth", "midway.before.pth"]
    assert torch.load(tmp_path / "midway.before.pth") == {"a": 1}


def test_a_file_system_without_links_keeps_the_one_before_all_the_same(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with atomic_saves():
        for number in range(3):
            torch.save({"a": number}, tmp_path / "checkpoint.pth")
    assert [torch.load(tmp_path / name)["a"] for name in ("checkpoint.pth", "midway.before.pth")] == [2, 1]


def test_a_failure_keeps_the_earlier_file_and_leaves_nothing(tmp_path):
    target = tmp_path / "checkpoint.pth"
    with atomic_saves():
        torch.save({"a": 1}, target)
        with pytest.raises(ValueError, match="cannot be saved"):
            torch.save({"a": Unpicklable()}, target)
    assert torch.load(target) == {"a": 1} and os.listdir(tmp_path) == ["checkpoint.pth"]


def test_a_full_disk_is_told_as_one(tmp_path, monkeypatch):
    """And not as torch's RuntimeError about a position in a file. /dev/full is one."""
    partial = tmp_path / "checkpoint.pth.partial"
    partial.symlink_to("/dev/full")
    with atomic_saves(), pytest.raises(OSError) as caught:
        torch.save({"a": torch.zeros(1000)}, tmp_path / "checkpoint.pth")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "checkpoint.pth"))
    assert os.listdir(tmp_path) == []


def test_a_disk_that_is_full_at_any_byte_is_told_as_one(tmp_path):
    """A limit on the size of files is as good, but for its number. Near the end torch would speak of a position again."""
    state, limits = {"a": torch.arange(3000.0), "b": torch.ones(70)}, resource.getrlimit(resource.RLIMIT_FSIZE)
    with atomic_saves():
        torch.save(state, tmp_path / "whole.pth")
        size = (tmp_path / "whole.pth").stat().st_size
        for most in [*range(0, size, 1997), *range(size - 600, size, 8)]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
            try:
                with pytest.raises(OSError) as caught:
                    torch.save(state, tmp_path / "part.pth")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(tmp_path / "part.pth")), most
    assert os.listdir(tmp_path) == ["whole.pth"]


def test_streams_are_written_to_as_ever():
    stream = io.BytesIO()
    with atomic_saves():
        torch.save({"a": 3}, stream)
    assert torch.load(io.BytesIO(stream.getvalue())) == {"a": 3}


def test_options_are_passed_on(tmp_path):
    with atomic_saves():
        torch.save({"a": 3}, tmp_path / "old", _use_new_zipfile_serialization=False)
    assert (tmp_path / "old").read_bytes()[:2] != b"PK"


def test_torch_is_left_as_it_was(tmp_path):
    save = torch.save
    with atomic_saves():
        assert torch.save is not save
    assert torch.save is save
    with pytest.raises(KeyError):
        with atomic_saves():
            raise KeyError
    assert torch.save is save


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.begun, self.seen, self.weight = 0, [], torch.nn.Parameter(torch.ones(2, 2))

    def begin(self):
        self.begun += 1

    def after_step(self):
        self.seen.append(self.weight.detach().clone())

    def forward(self, speech, **_):
        """Loss and weight as single numbers, a count as a Python number."""
        product = speech @ self.weight
        return product.float().sum(), {"dtype": float(product.dtype == torch.bfloat16), "none": None}, torch.tensor(3.0)


def run(model, optimizers=(), autocast="none", **arguments):
    options = SimpleNamespace(autocast=autocast, output_dir="/nowhere")
    AtomicTrainer.run(model=model, optimizers=optimizers, schedulers=(), trainer_options=options, **arguments)


def test_trainer_saves_atomically_and_restores_torch(monkeypatch):
    save, during, model = torch.save, [], Model()
    monkeypatch.setattr(Trainer, "run", classmethod(lambda cls, **arguments: during.append((torch.save, arguments))))
    run(model, seed=3)
    given = during[0][1]
    assert during[0][0] is not save and given["model"] is model and given["seed"] == 3 and torch.save is save
    assert model.begun == 1

    def fail(cls, **arguments):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Trainer, "run", classmethod(fail))
    with pytest.raises(RuntimeError, match="out of memory"):
        run(model)
    assert torch.save is save and "forward" not in vars(model)


@pytest.mark.parametrize("autocast", ["none", "bfloat16"])
def test_models_run_under_autocast_and_return_what_espnet_averages(autocast, monkeypatch):
    model, returned = Model(), []
    fake = classmethod(lambda cls, model, **arguments: returned.append(model(speech=torch.ones(1, 2))))
    monkeypatch.setattr(Trainer, "run", fake)
    run(model, autocast=autocast)
    loss, stats, weight = returned[0]
    assert [loss.shape, weight.shape, stats["dtype"].shape] == [(1,)] * 3 and stats["none"] is None
    assert bool(stats["dtype"]) == (autocast == "bfloat16") and loss.dtype == torch.float32


def test_a_model_follows_every_step_of_its_optimiser(monkeypatch):
    model = Model()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)

    def steps(cls, model, optimizers, **arguments):
        for _ in range(3):
            model.weight.grad = torch.ones(2, 2)
            optimizers[0].step()

    monkeypatch.setattr(Trainer, "run", classmethod(steps))
    run(model, [optimiser])
    assert [weight[0, 0].item() for weight in model.seen] == [0.5, 0.0, -0.5]  # after the step, not before
    optimiser.step()
    assert len(model.seen) == 3  # only while it trains


def test_epochs_start_from_zero_gradients(monkeypatch):
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    seen = []

    def epoch(cls, **given):
        seen.append((weight.grad, sorted(given)))
        return False

    monkeypatch.setattr(Trainer, "train_one_epoch", classmethod(epoch))
    epoch_of(weight, number=1)
    assert seen == [(None, ["iterator", "model", "optimizers", "options", "reporter", "scaler"])]


def epoch_of(weight, number):
    options = SimpleNamespace(seed=3, max_epoch=2, accum_grad=1, output_dir="/nowhere")
    options.midway = Midway(options)
    arguments = {"optimizers": [torch.optim.SGD([weight], lr=1.0)], "scaler": None, "model": 3, "options": options}
    assert not AtomicTrainer.train_one_epoch(reporter=SimpleNamespace(epoch=number), iterator=[], **arguments)


def test_every_rank_draws_its_own_random_numbers(monkeypatch):
    """The first goes on as a single process would; what the others draw depends on seed, epoch and rank alone."""
    weight, drawn = torch.nn.Parameter(torch.ones(2)), {}

    def epoch(cls, **given):
        drawn[key] = (float(torch.rand(())), float(np.random.random()), random.random())
        return False

    monkeypatch.setattr(Trainer, "train_one_epoch", classmethod(epoch))
    for rank in (0, 1, 2, 1):
        for number in (1, 2):
            monkeypatch.setattr("c2ser.tasks.trainer.rank", lambda: rank)
            again, key = drawn.get((rank, number)), (rank, number)
            set_all_random_seed(3 + number)  # as ESPnet's trainer does
            epoch_of(weight, number)
            assert again in (None, drawn[key])
    assert all(len(set(values)) == 6 for values in zip(*drawn.values()))
    set_all_random_seed(4)
    assert float(torch.rand(())) == drawn[0, 1][0]


def told(caplog, *arguments):
    """(done, total) of the lines that run.py would find, and the batches that came through."""
    caplog.set_level(logging.INFO)
    batches = list(Counted(*arguments))
    return [tuple(map(int, COUNT.findall(record.message.encode())[0])) for record in caplog.records], batches


def test_updates_are_counted_over_all_epochs(caplog, monkeypatch):
    """Epoch 2 of 3, 7 batches, 2 an update: 3 updates an epoch, 9 in all; 3 are done, and each second batch ends one."""
    monkeypatch.setattr(Counted, "PERIOD", 0.0)
    lines, batches = told(caplog, list("abcdefg"), 2, 3, 2)
    assert batches == list("abcdefg") and len(Counted("abc", 1, 1)) == 3
    assert lines == [(done, 9) for done in (3, 3, 4, 4, 5, 5, 6)]


@pytest.mark.parametrize(("rank", "batches"), [(1, list("ab")), (0, iter("ab"))])
def test_other_ranks_and_batches_without_number_are_silent(caplog, monkeypatch, rank, batches):
    monkeypatch.setattr("c2ser.tasks.trainer.rank", lambda: rank)
    assert told(caplog, batches, 1, 1) == ([], ["a", "b"])

"""Checkpoints that are whole or not there."""

import io
import os

import pytest
import torch
from espnet2.train.trainer import Trainer

from c2ser.tasks.trainer import AtomicTrainer, atomic_saves


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
    assert torch.load(target) == {"a": 2} and os.listdir(tmp_path) == ["checkpoint.pth"]


def test_a_failure_keeps_the_earlier_file_and_leaves_nothing(tmp_path):
    target = tmp_path / "checkpoint.pth"
    with atomic_saves():
        torch.save({"a": 1}, target)
        with pytest.raises(ValueError, match="cannot be saved"):
            torch.save({"a": Unpicklable()}, target)
    assert torch.load(target) == {"a": 1} and os.listdir(tmp_path) == ["checkpoint.pth"]


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


class Model:
    def __init__(self):
        self.begun = 0

    def begin(self):
        self.begun += 1


def test_trainer_saves_atomically_and_restores_torch(monkeypatch):
    save, during, model = torch.save, [], Model()
    monkeypatch.setattr(Trainer, "run", classmethod(lambda cls, **arguments: during.append((torch.save, arguments))))
    AtomicTrainer.run(model=model, seed=3)
    assert during[0][0] is not save and during[0][1] == {"model": model, "seed": 3} and torch.save is save
    assert model.begun == 1

    def fail(cls, **arguments):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Trainer, "run", classmethod(fail))
    with pytest.raises(RuntimeError, match="out of memory"):
        AtomicTrainer.run(model=model)
    assert torch.save is save


def test_epochs_start_from_zero_gradients(monkeypatch):
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    seen = []

    def epoch(cls, **given):
        seen.append((weight.grad, sorted(given)))
        return "done"

    monkeypatch.setattr(Trainer, "train_one_epoch", classmethod(epoch))
    assert AtomicTrainer.train_one_epoch(optimizers=[torch.optim.SGD([weight], lr=1.0)], model=3) == "done"
    assert seen == [(None, ["model", "optimizers"])]

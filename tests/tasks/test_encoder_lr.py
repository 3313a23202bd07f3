"""Whisper's own learning rate: which parameters get it, at every step, and where it cannot be given."""

import argparse

import pytest
import torch
from espnet2.schedulers.warmup_lr import WarmupLR

from c2ser.errors import InputError
from c2ser.tasks.c2ser import C2SERTask, check_encoder_lr


def options(**given):
    defaults = {
        "encoder_lr": 1e-4, "optim": "adamw", "optim_conf": {"lr": 1e-3, "weight_decay": 0.01}, "scheduler": "warmuplr",
        "model_conf": {}, "exclude_weight_decay": False, "sharded_ddp": False,
    }  # fmt: skip
    return argparse.Namespace(**{**defaults, **given})


class Model(torch.nn.Module):
    def __init__(self, hears=True):
        super().__init__()
        self.encoder = torch.nn.Linear(2, 3) if hears else None
        self.connector = torch.nn.Linear(3, 4)


def test_every_parameter_is_in_one_group_and_the_schedule_scales_both():
    model = Model()
    (optimizer,) = C2SERTask.build_optimizers(options(), model)
    of = {id(weight): group for group in optimizer.param_groups for weight in group["params"]}
    assert len(of) == sum(len(group["params"]) for group in optimizer.param_groups) == 4
    of = {name: of[id(weight)] for name, weight in model.named_parameters()}
    assert [of[name]["weight_decay"] for name in of] == [0.01 if name.endswith("weight") else 0.0 for name in of]
    schedule = WarmupLR(optimizer, warmup_steps=4)
    for _ in range(6):
        for kind in ("weight", "bias"):
            assert of[f"encoder.{kind}"]["lr"] == pytest.approx(of[f"connector.{kind}"]["lr"] / 10)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("given, model", [({"encoder_lr": None}, Model()), ({}, Model(hears=False))])
def test_without_it_or_without_whisper_all_learn_alike(given, model):
    (optimizer,) = C2SERTask.build_optimizers(options(**given), model)
    assert {group["lr"] for group in optimizer.param_groups} == {1e-3}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))


@pytest.mark.parametrize(
    "given, message",
    [
        ({"model_conf": {"freeze_encoder": True}}, "freeze_encoder"),
        ({"scheduler": "cosineannealingwarmuprestarts"}, "cosineannealingwarmuprestarts"),
        ({"exclude_weight_decay": True}, "exclude_weight_decay"),
    ],
)
def test_what_would_not_take_effect_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        check_encoder_lr(options(**given))


def test_nothing_is_refused_without_it():
    check_encoder_lr(options(encoder_lr=None, scheduler="onecyclelr", model_conf={"freeze_encoder": True}))

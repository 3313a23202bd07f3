"""Weight decay is that of weights, decoupled from their gradients, and norms, biases and scales have none."""

import argparse

import pytest
import torch

from c2ser.errors import InputError
from c2ser.tasks.emotion2vec_s import Emotion2VecSTask
from tests.builders import pretraining, waves


def options(optim, **conf):
    return argparse.Namespace(optim=optim, optim_conf=conf, exclude_weight_decay=False, sharded_ddp=False)


def test_the_decay_shrinks_weights_and_leaves_scales():
    """Without a gradient a decoupled decay is all that moves a weight: (1 − lr · decay) a step."""
    model = pretraining()
    (optimizer,) = Emotion2VecSTask.build_optimizers(options("adamw", lr=0.1, weight_decay=0.5), model)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    for _ in range(2):
        for weight in model.parameters():
            weight.grad = torch.zeros_like(weight)
        optimizer.step()
    for name, weight in model.named_parameters():
        wanted = before[name] if before[name].dim() < 2 else before[name] * 0.95 * 0.95
        torch.testing.assert_close(weight.detach(), wanted, msg=name)
    assert "student.alibi_scale" in before and before["student.extra_tokens"].dim() == 3
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(before)


def test_norms_and_scales_stay_over_many_updates():
    """Adam with the same decay in its gradient takes them towards 0, which is why it is refused."""
    speech, lengths = waves([6400, 3000, 8000, 4321])
    moved = {}
    for kind in ("adamw", "adam"):
        model = pretraining()
        with torch.no_grad():
            for name, weight in model.student.named_parameters():
                if "norm" in name and name.endswith("weight") or name == "alibi_scale":
                    weight.fill_(1.0)
        given = options(kind, lr=2e-3, weight_decay=0.5)
        if kind == "adam":
            optimizer = torch.optim.Adam(model.parameters(), **given.optim_conf)
        else:
            (optimizer,) = Emotion2VecSTask.build_optimizers(given, model)
        for _ in range(25):
            optimizer.zero_grad()
            model(speech, lengths)[0].backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
        moved[kind] = float(torch.cat([block.norm1.weight for block in model.student.blocks]).mean())
    assert moved["adam"] < 0.97 < 0.99 < moved["adamw"] < 1.01


@pytest.mark.parametrize("optim", ["adam", "radam", "rmsprop"])
def test_a_decay_in_the_gradient_is_refused(optim):
    with pytest.raises(InputError, match=f"optim: {optim} with weight_decay 0.01.*adamw"):
        Emotion2VecSTask.build_optimizers(options(optim, lr=1e-3, weight_decay=0.01), pretraining())
    assert Emotion2VecSTask.build_optimizers(options(optim, lr=1e-3), pretraining())


def test_an_optimizer_without_decay_has_one_group():
    (optimizer,) = Emotion2VecSTask.build_optimizers(options("rprop", lr=1e-3), pretraining())
    assert len(optimizer.param_groups) == 1

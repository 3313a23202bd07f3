"""The teacher of the pretraining objective: what it follows, copies and learns, and how a collapse is noticed."""

import copy

import pytest
import torch
from espnet2.torch_utils.load_pretrained_model import load_pretrained_model

from c2ser.models import emotion2vec_s
from c2ser.models.emotion2vec import backbone_config
from tests.builders import BACKBONE, LABELS, LENGTHS, PRETRAINING, backbone, pretraining, waves
from tests.builders import pretraining_step as step
from tests.closeness import FORMULA, assert_rounds_alike

STILL = {"dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0}


def constant(module, value):
    with torch.no_grad():
        for weight in module.parameters():
            weight.fill_(value)


def test_teacher_follows_with_annealed_decay():
    model = pretraining(ema_decay=0.9, ema_end_decay=0.99, ema_anneal_updates=3)
    constant(model.teacher, 1.0)
    constant(model.student, 0.0)
    wanted = 1.0
    for update in range(1, 6):
        model.after_step()
        wanted *= {1: 0.93, 2: 0.96}.get(update, 0.99)
        assert int(model.updates) == update
        for weight in model.teacher.parameters():
            assert_rounds_alike(weight, torch.full_like(weight, wanted), FORMULA)
    model.begin()
    assert int(model.updates) == 0


def test_a_teacher_that_no_checkpoint_brought_copies_the_student(tmp_path):
    """As `--init_param` loads: a backbone alone into the student, or a whole pretraining."""
    torch.manual_seed(0)
    released, whole = backbone(seed=3), pretraining(seed=4)
    torch.save(released.state_dict(), tmp_path / "released.pth")
    torch.save(whole.state_dict(), tmp_path / "whole.pth")
    model = emotion2vec_s.Emotion2VecS(backbone_config(BACKBONE), **PRETRAINING)
    load_pretrained_model(f"{tmp_path}/released.pth::student", model, False)
    assert not torch.equal(model.teacher.extra_tokens, released.extra_tokens)
    model.begin()
    for part in (model.student, model.teacher):
        for name, weight in released.named_parameters():
            assert torch.equal(dict(part.named_parameters())[name], weight)
    load_pretrained_model(f"{tmp_path}/whole.pth", model, False)
    model.begin()
    for name, weight in whole.named_parameters():
        assert torch.equal(dict(model.named_parameters())[name], weight)
    assert not torch.equal(model.teacher.extra_tokens, model.student.extra_tokens)
    assert not any(weight.requires_grad for weight in model.teacher.parameters())


def test_a_forward_pass_moves_nothing():
    model = pretraining(ema_decay=0.5, ema_end_decay=0.5)
    before = copy.deepcopy(model.state_dict())
    step(model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_teacher_neither_learns_nor_drops_out():
    model = pretraining()
    loss, _, _ = step(model)
    loss.backward()
    assert all(weight.grad is None and not weight.requires_grad for weight in model.teacher.parameters())
    trained = dict(model.student.named_parameters()) | dict(model.decoder.named_parameters())
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in trained.values())
    model = pretraining(config=STILL)
    step(model)[0].backward()
    assert all(weight.grad is not None for weight in [*model.student.parameters(), *model.decoder.parameters()])
    assert model.student.training and not model.teacher.training and not model.teacher.blocks[0].training
    assert model.train() is model and not model.teacher.training
    speech, lengths = waves(LENGTHS)
    assert_rounds_alike(model.targets(speech, lengths)[0], model.targets(speech, lengths)[0])


def test_what_is_not_finite_is_no_collapse():
    """The trainer skips such a batch."""
    model = pretraining(min_target_variance=0.01)
    speech, lengths = waves(LENGTHS)
    speech[1, 100] = float("nan")
    assert not model(speech=speech, speech_lengths=lengths, label=LABELS)[0].isfinite()


def test_collapse_is_noticed():
    with pytest.raises(RuntimeError, match="collapsed.*lower the learning rate or raise ema_decay"):
        step(pretraining(min_target_variance=1e9))
    step(pretraining(min_target_variance=1e9).eval())
    model = pretraining(min_target_variance=0.01)
    step(model)
    constant(model.teacher, 0.0)
    with pytest.raises(RuntimeError, match="variance"):
        step(model)

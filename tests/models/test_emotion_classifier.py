"""The supervised baseline: its loss by hand, what takes part, what it pools."""

import math

import pytest
import torch

from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.models.emotion2vec import backbone_config
from c2ser.models.emotion_classifier import EmotionClassifier
from tests.builders import BACKBONE, randomise, waves
from tests.closeness import nearly

LENGTHS = [6400, 3000, 8000, 4321]


def classifier(**options):
    torch.manual_seed(0)
    return randomise(EmotionClassifier(backbone_config(BACKBONE), **options)).eval()


def test_loss_by_hand(monkeypatch):
    model = classifier()
    logits = torch.tensor([[2.0, 1.0, 0, 0, 0, 0, 0], [0, 3.0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 9.0], [0.0] * 7])
    monkeypatch.setattr(model, "logits", lambda speech, lengths: logits)
    speech, lengths = waves(LENGTHS)
    loss, stats, weight = model(speech, lengths, torch.tensor([[0], [2], [-1], [5]]))
    first = math.log(math.exp(2) + math.exp(1) + 5) - 2
    second = math.log(math.exp(3) + 6)
    assert loss.item() == nearly((first + second + math.log(7)) / 3)
    assert float(stats["acc"]) == pytest.approx(1 / 3) and float(weight) == 3.0 and float(stats["loss"]) == loss.item()


@pytest.mark.parametrize("pooling", ["tokens", "frames", "both"])
def test_pooling(pooling):
    model, (speech, lengths) = classifier(pooling=pooling), waves(LENGTHS)
    made = model.logits(speech, lengths)
    assert made.shape == (4, len(EMOTIONS))
    for row, length in enumerate(LENGTHS):
        frames, tokens, _ = model.student(speech[row : row + 1, :length], lengths[row : row + 1])
        parts = {"tokens": [tokens.mean(1)], "frames": [frames.mean(1)], "both": [tokens.mean(1), frames.mean(1)]}
        wanted = torch.cat(parts[pooling], 1) @ model.classify.weight.T + model.classify.bias
        torch.testing.assert_close(made[row], wanted[0], atol=1e-4, rtol=1e-4)


def test_without_labels_nothing_is_learned():
    model, (speech, lengths) = classifier(), waves(LENGTHS)
    loss, stats, weight = model(speech, lengths, torch.full((4, 1), -1))
    loss.backward()
    assert loss.item() == 0.0 and float(stats["acc"]) == 0.0 and float(weight) < 1e-3
    assert not any(value.grad.any() for value in model.parameters() if value.grad is not None)


def test_unlabelled_utterances_take_no_part():
    model, (speech, lengths) = classifier(label_smoothing=0.1), waves(LENGTHS)
    known = torch.tensor([0, 1, 3])
    whole = model(speech, lengths, torch.tensor([[0], [1], [-1], [6]]))
    part = model(speech[known], lengths[known], torch.tensor([[0], [1], [6]]))
    assert whole[0].item() == pytest.approx(part[0].item(), rel=1e-4) and float(whole[2]) == float(part[2]) == 3.0


def test_it_learns():
    model, (speech, lengths) = classifier().train(), waves(LENGTHS)
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=3e-3), []
    for _ in range(12):
        optimiser.zero_grad()
        loss, _, _ = model(speech, lengths, torch.tensor([[0], [1], [2], [3]]))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_unknown_pooling():
    with pytest.raises(InputError, match="pooling 'mean': expected one of tokens, frames, both"):
        classifier(pooling="mean")


def test_the_spectral_start_comes_first():
    model, (speech, lengths) = classifier(teacher_updates=1).train(), waves(LENGTHS)
    labels = torch.tensor([[0], [2], [-1], [5]])
    assert set(model(speech, lengths, labels)[1]) == {"loss_teacher", "loss"}
    model.after_step()
    assert "acc" in model(speech, lengths, labels)[1]
    assert "explained_var" in model.eval()(speech, lengths, labels)[1]  # until training goes on
    model.train().after_step()
    assert "acc" in model.eval()(speech, lengths, labels)[1]
    model.train()
    model.begin()
    assert "acc" not in model(speech, lengths, labels)[1]

"""L_cate in the pretraining objective, and its metric: who counts as company, and that the term parts the classes."""

import math

import pytest
import torch
import torch.nn.functional as F

from c2ser.errors import InputError
from c2ser.models.masking import masked_mean
from tests.builders import pretraining, waves
from tests.builders import pretraining_step as step
from tests.closeness import FORMULA, assert_rounds_alike, nearly

STILL = {"dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0}


@pytest.mark.parametrize("label", [torch.full((4, 1), -1), None])
def test_unlabelled_batch_has_no_category_loss(label):
    model = pretraining()
    loss, stats, _ = step(model, label)
    assert float(stats["loss_cate"]) == 0.0 and float(stats["retrieval_acc"]) == 0.0
    assert loss.item() == nearly(float(stats["loss_frm"]) + 0.1 * float(stats["loss_utt"]))
    loss.backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize("embedding", ["tokens", "both"])
def test_a_class_that_stands_alone_sees_nothing(embedding):
    """Its own views are no company: but for `own_views`, and never in the metric."""
    alone = torch.tensor([[0], [1], [2], [-1]])
    stats = step(pretraining(views=3, category_embedding=embedding), alone)[1]
    assert float(stats["loss_cate"]) == 0.0 and float(stats["retrieval_acc"]) == 0.0
    stats = step(pretraining(views=3, category_embedding=embedding, own_views=True), alone)[1]
    assert float(stats["loss_cate"]) > 1e-4 and float(stats["retrieval_acc"]) == 0.0


@torch.no_grad()
def test_retrieval_is_at_chance_on_random_labels():
    """Also where all views of an utterance lie on one spot, as they do once a network has learned."""
    generator = torch.Generator().manual_seed(0)
    utterances, views, found = 400, 4, []
    labels = torch.randint(0, 7, (utterances,), generator=generator)
    spots = torch.randn(utterances, 24, generator=generator).repeat_interleave(views, 0)
    spots = spots + 0.01 * torch.randn(spots.shape, generator=generator)
    made = {
        "tokens": spots[:, None], "pooled_frames": spots, "predictions": spots, "answers": spots,
        "target_means": spots[::views],
    }  # fmt: skip
    for options in ({}, {"own_views": True}, {"category_embedding": "both"}):
        found.append(float(pretraining(views=views, **options).losses(made, labels)[1]))
    assert found == pytest.approx([1 / 7] * 3, abs=0.07)  # four deviations of the share of 400


@pytest.mark.parametrize("embedding", ["tokens", "both"])
def test_temperature_is_learned(embedding):
    fixed = pretraining(temperature=0.2)
    learned = pretraining(temperature=0.2, learn_temperature=True, category_embedding=embedding)
    assert "log_temperature" not in fixed.state_dict()
    with torch.no_grad():
        learned.log_temperature.fill_(0.7)
        wanted = step(pretraining(temperature=math.exp(0.7), category_embedding=embedding))[1]["loss_cate"]
    loss, stats, _ = step(learned)
    assert float(stats["loss_cate"]) == pytest.approx(float(wanted), rel=1e-4)
    assert float(stats["temperature"]) == pytest.approx(math.exp(0.7))
    loss.backward()
    assert learned.log_temperature.grad.abs() > 0
    with torch.no_grad():
        learned.log_temperature.fill_(-50.0)
    assert learned.category_temperature().item() == pytest.approx(0.01)
    step(learned, torch.full((4, 1), -1))[0].backward()  # takes part, with no effect, where no label is there


def test_unknown_embedding():
    with pytest.raises(InputError, match="category_embedding 'mean'.*tokens, frames, both"):
        pretraining(category_embedding="mean")


def separation(embeddings, labels):
    """Mean cosine distance between classes over that within them."""
    unit = F.normalize(embeddings, dim=-1)
    distance, same = 1 - unit @ unit.T, labels[:, None] == labels[None, :]
    apart = ~torch.eye(len(labels), dtype=torch.bool)
    return float(distance[~same].mean() / distance[same & apart].mean())


def test_the_category_term_parts_the_classes():
    """Tones of two pitches in noise: with the term, classes move apart against what lies within them."""
    labels = torch.arange(12) % 2
    time = torch.arange(4000) / 16000
    generator = torch.Generator().manual_seed(0)
    tones = torch.stack([torch.sin(2 * math.pi * (300 + 300 * label) * time) for label in labels.tolist()])
    speech, lengths = tones + 0.3 * torch.randn(tones.shape, generator=generator), torch.full((12,), 4000)
    reached = {}
    for weight in (0.0, 10.0):
        model = pretraining(config=STILL, category_weight=weight)
        optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=2e-3)
        torch.manual_seed(1)
        for _ in range(30):
            optimiser.zero_grad()
            model(speech, lengths, labels[:, None])[0].backward()
            optimiser.step()
            model.after_step()
        with torch.no_grad():
            reached[weight] = separation(model.eval().student(speech, lengths)[1].mean(1), labels)
    assert reached[10.0] > 2 * reached[0.0]


def test_pooled_frames_are_the_visible_ones():
    model, (speech, lengths) = pretraining().eval(), waves([3210])
    seen = []
    encode = model.student.encode
    model.student.encode = lambda *args: seen.append((args, encode(*args))) or seen[-1][1]
    made = model.student_views(speech, lengths, 1)
    (_, shown, _), (frames, _, _) = seen[0]
    assert_rounds_alike(made["pooled_frames"].detach(), masked_mean(frames, shown).detach(), FORMULA)
    assert int(shown.sum()) == int((~made["masked"]).sum())

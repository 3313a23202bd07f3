"""The pretraining objective: targets, views, the three losses, the teacher."""

import copy

import pytest
import torch
import torch.nn.functional as F

from c2ser.models import emotion2vec_s
from c2ser.models.contrastive import category_contrastive
from c2ser.models.masking import masked_mean
from tests.builders import pretraining, waves

LENGTHS = [6400, 3000, 8000, 4321]
LABELS = torch.tensor([[0], [1], [0], [-1]])
STILL = {"dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0}


def step(model, label=LABELS, seed=5):
    speech, lengths = waves(LENGTHS)
    torch.manual_seed(seed)
    return model(speech=speech, speech_lengths=lengths, label=label, label_lengths=torch.ones(4), utt_id=["a"])


def test_loss_is_the_weighted_sum():
    loss, stats, weight = step(pretraining())
    parts = {name: float(stats[f"loss_{name}"]) for name in ("frm", "utt", "cate")}
    assert min(parts.values()) > 1e-4
    assert loss.item() == pytest.approx(parts["frm"] + 0.1 * parts["utt"] + 100 * parts["cate"], rel=1e-5)
    assert float(stats["loss"]) == loss.item() and not stats["loss"].requires_grad and float(weight) == 4.0
    loss, stats, _ = step(pretraining(frame_weight=3.0, utterance_weight=5.0, category_weight=0.0))
    assert loss.item() == pytest.approx(3 * float(stats["loss_frm"]) + 5 * float(stats["loss_utt"]), rel=1e-5)


def test_logged_loss_survives_the_trainers_division():
    loss, stats, _ = step(pretraining())
    logged = float(stats["loss"])
    with torch.no_grad():
        loss /= 4
    assert float(stats["loss"]) == logged


@torch.no_grad()
def test_losses_by_hand(monkeypatch):
    model = pretraining().eval()
    speech, lengths = waves(LENGTHS)
    targets, inside = model.targets(speech, lengths)
    torch.manual_seed(1)
    masked = (torch.rand(inside.shape) < 0.4) & inside
    tokens, pooled = torch.randn(4, 10, 24), torch.randn(4, 24)
    wrong = torch.zeros_like(targets)
    wrong[~masked] = 9.0  # wrong where nothing is masked: no matter
    student = {"predictions": targets + wrong, "masked": masked, "tokens": tokens, "pooled_frames": pooled}
    monkeypatch.setattr(model, "student_views", lambda *args: student)
    stats = step(model)[1]
    assert float(stats["loss_frm"]) == 0.0
    means = torch.stack([targets[row, : int(inside[row].sum())].mean(0) for row in range(4)])
    assert float(stats["loss_utt"]) == pytest.approx(float(((tokens.mean(1) - means) ** 2).mean()), rel=1e-5)
    wanted = category_contrastive(tokens.mean(1), LABELS[:, 0], 0.1)[0]
    assert float(stats["loss_cate"]) == pytest.approx(float(wanted), rel=1e-5)
    assert float(stats["target_var"]) == pytest.approx(float(targets[inside].var(0).mean()), rel=1e-5)

    one = masked.nonzero()[3]
    wrong[one[0], one[1]] = 2.0
    student["predictions"] = targets + wrong
    assert float(step(model)[1]["loss_frm"]) == pytest.approx(4.0 / int(masked.sum()), rel=1e-4)

    model.category_embedding, model.temperature = "frames", 0.7
    wanted = category_contrastive(pooled, LABELS[:, 0], 0.7)[0]
    assert float(step(model)[1]["loss_cate"]) == pytest.approx(float(wanted), rel=1e-5)


@torch.no_grad()
def test_targets_are_the_mean_of_normalised_top_blocks():
    model = pretraining(target_layers=2)
    speech, lengths = waves(LENGTHS)
    targets, inside = model.targets(speech, lengths)
    for row, length in enumerate(LENGTHS):
        x, shown = model.teacher.embed(speech[row : row + 1, :length], lengths[row : row + 1])
        layers = model.teacher.encode(x + model.teacher.positions(x, shown), shown)[2]
        wanted = torch.stack([F.instance_norm(layer.transpose(1, 2))[0].T for layer in layers]).mean(0)
        assert int(inside[row].sum()) == len(wanted)
        # Channels that hardly vary are blown up by the norm, and rounding with them.
        torch.testing.assert_close(targets[row, : len(wanted)], wanted, atol=1e-3, rtol=0)
    last = pretraining(target_layers=1).targets(speech, lengths)[0]
    alone = F.instance_norm(layers[-1].transpose(1, 2))[0].T
    torch.testing.assert_close(last[3, : len(alone)], alone, atol=1e-3, rtol=0)


def test_targets_come_from_the_teacher():
    model, (speech, lengths) = pretraining(), waves(LENGTHS)
    before = model.targets(speech, lengths)[0]
    with torch.no_grad():
        next(model.student.parameters()).add_(1.0)
    torch.testing.assert_close(model.targets(speech, lengths)[0], before, atol=0, rtol=0)
    with torch.no_grad():
        model.teacher.blocks[1].mlp[2].weight.mul_(-1)
    assert not torch.allclose(model.targets(speech, lengths)[0], before, atol=1e-3)


def test_views_differ_and_are_evaluated_once():
    model, (speech, lengths) = pretraining(), waves(LENGTHS)
    made = model.student_views(speech, lengths, 3)
    frames = int(model.student.frame_lengths(lengths).max())
    assert made["predictions"].shape == (12, frames, 24) and made["tokens"].shape == (12, 10, 24)
    assert made["pooled_frames"].shape == (12, 24) and made["masked"].shape == (12, frames)
    first = made["masked"].view(4, 3, frames)
    assert (first[:, 0] != first[:, 1]).any() and (first[:, 1] != first[:, 2]).any()
    inside = torch.arange(frames) < model.student.frame_lengths(lengths).repeat_interleave(3)[:, None]
    assert not (made["masked"] & ~inside).any()

    seen, make = [], model.student_views
    model.student_views = lambda speech, lengths, views: seen.append(views) or make(speech, lengths, views)
    step(model)
    step(model.eval())
    assert seen == [2, 1]


@torch.no_grad()
def test_masked_frames_are_not_seen():
    model, (speech, lengths) = pretraining().eval(), waves(LENGTHS)
    torch.manual_seed(0)
    before = model.student_views(speech, lengths, 1)
    embed = model.student.embed

    def corrupt(*args, where):
        local, inside = embed(*args)
        return torch.where(where[:, :, None], local + 5.0, local), inside

    model.student.embed = lambda *args: corrupt(*args, where=before["masked"])
    torch.manual_seed(0)
    after = model.student_views(speech, lengths, 1)
    for name in before:
        torch.testing.assert_close(after[name], before[name], atol=0, rtol=0)
    model.student.embed = lambda *args: corrupt(*args, where=~before["masked"])
    torch.manual_seed(0)
    assert (model.student_views(speech, lengths, 1)["predictions"] - before["predictions"]).abs().max() > 0.01


@torch.no_grad()
def test_views_do_not_depend_on_the_batch(monkeypatch):
    model, (speech, lengths) = pretraining(mask_noise=0.0).eval(), waves(LENGTHS)
    pattern = torch.tensor([False, True, True, False, False, True, False, False, True, True] * 3)
    monkeypatch.setattr(emotion2vec_s, "span_mask", lambda inside, *_: inside & pattern[: inside.shape[1]])
    together = model.student_views(speech, lengths, 1)
    for row, length in enumerate(LENGTHS):
        alone = model.student_views(speech[row : row + 1, :length], lengths[row : row + 1], 1)
        frames = alone["masked"].shape[1]
        torch.testing.assert_close(together["predictions"][row, :frames], alone["predictions"][0], atol=1e-5, rtol=0)
        torch.testing.assert_close(together["tokens"][row], alone["tokens"][0], atol=1e-5, rtol=0)
        torch.testing.assert_close(together["pooled_frames"][row], alone["pooled_frames"][0], atol=1e-5, rtol=0)


@torch.no_grad()
def test_visible_frames_reach_the_decoder_at_their_places(monkeypatch):
    model, (speech, lengths) = pretraining(mask_noise=0.0).eval(), waves([3210])
    shown = torch.tensor([[True, False, False, True, True, False, False, True, True]])
    monkeypatch.setattr(emotion2vec_s, "span_mask", lambda inside, *_: inside & ~shown)
    model.decoder.forward = lambda x, inside: x
    made = model.student_views(speech, lengths, 1)["predictions"]
    local, inside = model.student.embed(speech, lengths)
    assert local.shape[1] == 9
    x = local * shown[:, :, None]
    frames = model.student.encode(x + model.student.positions(x, inside), shown)[0]
    torch.testing.assert_close(made, frames * shown[:, :, None], atol=1e-5, rtol=0)


def constant(module, value):
    with torch.no_grad():
        for weight in module.parameters():
            weight.fill_(value)


def test_teacher_follows_with_annealed_decay():
    model = pretraining(ema_decay=0.9, ema_end_decay=0.99, ema_anneal_updates=3)
    constant(model.teacher, 1.0)
    constant(model.student, 0.0)
    wanted = 1.0
    for update in range(6):
        model.move_teacher()
        if update:  # nothing has been learned before the first step
            wanted *= {1: 0.93, 2: 0.96}.get(update, 0.99)
        for weight in model.teacher.parameters():
            torch.testing.assert_close(weight, torch.full_like(weight, wanted), atol=1e-6, rtol=0)


def test_teacher_follows_once_an_optimiser_step():
    model = pretraining(ema_decay=0.5, ema_end_decay=0.5, accum_grad=3)
    constant(model.teacher, 1.0)
    constant(model.student, 0.0)
    seen = []
    for _ in range(8):
        model.move_teacher()
        seen.append(float(model.teacher.extra_tokens[0, 0, 0]))
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_every_forward_pass_of_a_training_counts():
    model = pretraining(ema_decay=0.5, ema_end_decay=0.5)
    step(model)
    step(model)
    assert int(model.forward_passes) == 2
    step(model.eval())
    assert int(model.forward_passes) == 2


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
    torch.testing.assert_close(model.targets(speech, lengths)[0], model.targets(speech, lengths)[0], atol=0, rtol=0)


@pytest.mark.parametrize("label", [torch.full((4, 1), -1), None])
def test_unlabelled_batch_has_no_category_loss(label):
    model = pretraining()
    loss, stats, _ = step(model, label)
    assert float(stats["loss_cate"]) == 0.0 and float(stats["retrieval_acc"]) == 0.0
    assert loss.item() == pytest.approx(float(stats["loss_frm"]) + 0.1 * float(stats["loss_utt"]), rel=1e-5)
    loss.backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_views_of_one_utterance_are_positives():
    model = pretraining(views=2)
    alone = torch.tensor([[0], [-1], [-1], [-1]])
    assert float(step(model, alone)[1]["retrieval_acc"]) == 1.0  # its other view is all there is
    assert float(step(model.eval(), alone)[1]["loss_cate"]) == 0.0


def test_collapse_is_noticed():
    with pytest.raises(RuntimeError, match="collapsed.*lower the learning rate or raise ema_decay"):
        step(pretraining(min_target_variance=1e9))
    step(pretraining(min_target_variance=1e9).eval())
    model = pretraining(min_target_variance=0.01)
    step(model)
    constant(model.teacher, 0.0)
    with pytest.raises(RuntimeError, match="variance"):
        step(model)


def test_state_is_restored_exactly():
    model = pretraining(ema_decay=0.5, ema_end_decay=0.6, ema_anneal_updates=9)
    step(model)[0].backward()
    step(model)
    state = copy.deepcopy(model.state_dict())
    assert {name.split(".")[0] for name in state} == {"student", "teacher", "decoder", "forward_passes"}
    other = pretraining(seed=9, ema_decay=0.5, ema_end_decay=0.6, ema_anneal_updates=9)
    other.load_state_dict(state)
    for _ in range(2):
        first, second = step(model), step(other)
        assert first[0].item() == second[0].item()
    assert torch.equal(model.teacher.extra_tokens, other.teacher.extra_tokens)


def test_a_few_steps_learn():
    model = pretraining(config=STILL, mask_noise=0.0, ema_decay=0.999)
    optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=3e-3)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        loss, stats, _ = step(model)
        loss.backward()
        optimiser.step()
        losses.append({name: float(value) for name, value in stats.items()})
    for name in ("loss", "loss_frm", "loss_cate"):
        assert losses[-1][name] < 0.8 * losses[0][name]


def test_pooled_frames_are_the_visible_ones():
    model, (speech, lengths) = pretraining().eval(), waves([3210])
    seen = []
    encode = model.student.encode
    model.student.encode = lambda *args: seen.append((args, encode(*args))) or seen[-1][1]
    made = model.student_views(speech, lengths, 1)
    (_, shown, _), (frames, _, _) = seen[0]
    torch.testing.assert_close(made["pooled_frames"], masked_mean(frames, shown), atol=0, rtol=0)
    assert int(shown.sum()) == int((~made["masked"]).sum())

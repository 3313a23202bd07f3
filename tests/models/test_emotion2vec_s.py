"""The pretraining objective: targets, views, the three losses, the teacher."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from c2ser.errors import InputError
from c2ser.models import emotion2vec_s
from c2ser.models.contrastive import category_contrastive
from c2ser.models.emotion2vec import backbone_config
from c2ser.models.masking import masked_mean
from tests.builders import BACKBONE, LABELS, LENGTHS, PRETRAINING, pretraining, waves
from tests.builders import pretraining_step as step
from tests.closeness import FORMULA, assert_rounds_alike, nearly
from tests.models.test_emotion2vec_s_teacher import STILL, constant


def test_loss_is_the_weighted_sum():
    loss, stats, weight = step(pretraining())
    parts = {name: float(stats[f"loss_{name}"]) for name in ("frm", "utt", "cate")}
    assert min(parts.values()) > 1e-4
    assert loss.item() == nearly(parts["frm"] + 0.1 * parts["utt"] + 100 * parts["cate"])
    assert float(stats["loss"]) == loss.item() and not stats["loss"].requires_grad and float(weight) == 4.0
    loss, stats, _ = step(pretraining(frame_weight=3.0, utterance_weight=5.0, category_weight=0.0))
    assert loss.item() == nearly(3 * float(stats["loss_frm"]) + 5 * float(stats["loss_utt"]))


def test_logged_loss_survives_the_trainers_division():
    loss, stats, _ = step(pretraining())
    logged = float(stats["loss"])
    with torch.no_grad():
        loss /= 4
    assert float(stats["loss"]) == logged


def utterance_target(teacher, wave, blocks):
    """What L_utt asks of one utterance, wave `(samples,)`: its blocks' feed-forward outputs, caught on their way, summed
    up frame by frame, and the mean made to have mean 0 and variance 1 over channels."""
    caught = []
    hooks = [block.mlp.register_forward_hook(lambda *given: caught.append(given[2][0])) for block in teacher.blocks]
    teacher(wave[None], torch.tensor([len(wave)]))
    for hook in hooks:
        hook.remove()
    total, count = torch.zeros(24), 0
    for outputs in caught[-blocks:]:
        for frame in outputs[10:]:  # the utterance tokens stand in front
            total, count = total + frame, count + 1
    mean = total / count
    return (mean - mean.mean()) / torch.sqrt(((mean - mean.mean()) ** 2).sum() / 24 + 1e-5)


@torch.no_grad()
def test_utterances_have_different_targets():
    """Neither the mean over frames of what L_frm asks for, which is 0, nor anything that all utterances share."""
    model, (speech, lengths) = pretraining(), waves(LENGTHS)
    time = torch.arange(3000.0)
    speech[0, :3000], speech[1, :3000] = torch.sin(time / 9), speech[1, :3000] * time / 3000  # a tone, a crescendo
    frames, inside, means = model.targets(speech, lengths)
    assert masked_mean(frames, inside).abs().max() < 1e-3
    assert means.shape == (4, 24)
    assert_rounds_alike(model.distil(speech, lengths)["target_means"], means)
    torch.manual_seed(0)
    fresh = emotion2vec_s.Emotion2VecS(backbone_config(BACKBONE), **PRETRAINING)
    assert float(fresh.targets(speech, lengths)[2][:2].std(0).mean()) > 0.1
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(means[row], utterance_target(model.teacher, speech[row, :length], 2), atol=1e-4, rtol=0)
    last = pretraining(target_layers=1).targets(speech, lengths)[2]
    torch.testing.assert_close(last[0], utterance_target(model.teacher, speech[0, :6400], 1), atol=1e-4, rtol=0)


def test_the_utterance_loss_pulls_the_tokens_to_their_targets():
    """With the other losses off the tokens reach what the teacher says of each utterance, and not 0."""
    options = {"frame_weight": 0.0, "category_weight": 0.0, "utterance_weight": 1.0, "frame_scale": "mean"}
    model = pretraining(config=STILL, mask_noise=0.0, **options)
    optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=3e-3)
    speech, lengths = waves(LENGTHS)
    for _ in range(60):
        optimiser.zero_grad()
        step(model)[0].backward()
        optimiser.step()
    with torch.no_grad():
        means, tokens = model.targets(speech, lengths)[2], model.student(speech, lengths)[1].mean(1)
    assert ((tokens - means) ** 2).mean() < 0.5 * (means**2).mean()


@torch.no_grad()
def test_losses_by_hand(monkeypatch):
    model = pretraining().eval()
    speech, lengths = waves(LENGTHS)
    targets, inside, _ = model.targets(speech, lengths)
    torch.manual_seed(1)
    masked = (torch.rand(inside.shape) < 0.4) & inside
    tokens, pooled = torch.randn(4, 10, 24), torch.randn(4, 24)
    student = {"predictions": targets[masked].clone(), "masked": masked, "tokens": tokens, "pooled_frames": pooled}
    monkeypatch.setattr(model, "student_views", lambda *args: student)
    stats = step(model)[1]
    assert float(stats["loss_frm"]) == 0.0
    means = [utterance_target(model.teacher, speech[row, :length], 2) for row, length in enumerate(LENGTHS)]
    summed = sum(float(((tokens[row].mean(0) - mean) ** 2).sum()) for row, mean in enumerate(means))
    assert float(stats["loss_utt"]) == pytest.approx(summed / 4 / math.sqrt(24), rel=1e-4)
    wanted = category_contrastive(tokens.mean(1), LABELS[:, 0], 0.1)[0]
    assert float(stats["loss_cate"]) == nearly(float(wanted))
    assert float(stats["target_var"]) == nearly(float(targets[inside].var(0).mean()))

    student["predictions"][3] += 2.0
    # one frame of all that are masked is off by 2 in each of 24 channels: the sum over channels, over √24
    assert float(step(model)[1]["loss_frm"]) == pytest.approx(24 * 4.0 / math.sqrt(24) / int(masked.sum()), rel=1e-4)
    model.scale = pretraining(frame_scale="mean").scale
    assert float(step(model)[1]["loss_frm"]) == pytest.approx(4.0 / int(masked.sum()), rel=1e-4)
    assert float(step(model)[1]["loss_utt"]) == pytest.approx(summed / 4 / 24, rel=1e-4)

    model.category_embedding, model.temperature = "frames", 0.7
    wanted = category_contrastive(pooled, LABELS[:, 0], 0.7)[0]
    assert float(step(model)[1]["loss_cate"]) == nearly(float(wanted))
    model.category_embedding = "both"
    # 0 and 2 are of one class, 1 of another, 3 of none; nothing is compared with itself
    cosine = F.cosine_similarity(tokens.mean(1)[:, None], pooled[None], dim=-1) / 0.7
    wanted = [
        math.log(math.exp(grid[i, 1]) + math.exp(grid[i, j])) - float(grid[i, j])
        for grid in (cosine, cosine.T) for i, j in ((0, 2), (2, 0))
    ]  # fmt: skip
    assert float(step(model)[1]["loss_cate"]) == nearly(sum(wanted) / 4)


@torch.no_grad()
def test_targets_are_the_mean_of_normalised_top_blocks():
    model = pretraining(target_layers=2)
    speech, lengths = waves(LENGTHS)
    targets, inside, _ = model.targets(speech, lengths)
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
    assert_rounds_alike(model.targets(speech, lengths)[0], before)
    with torch.no_grad():
        model.teacher.blocks[1].mlp[2].weight.mul_(-1)
    assert not torch.allclose(model.targets(speech, lengths)[0], before, atol=1e-3)


def test_views_differ_and_are_evaluated_once():
    model, (speech, lengths) = pretraining(), waves(LENGTHS)
    made = model.student_views(speech, lengths, 3)
    frames = int(model.student.frame_lengths(lengths).max())
    assert made["predictions"].shape == (int(made["masked"].sum()), 24) and made["tokens"].shape == (12, 10, 24)
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
        assert_rounds_alike(after[name], before[name])
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
        mine = together["predictions"][together["masked"].nonzero()[:, 0] == row]
        assert_rounds_alike(mine, alone["predictions"])
        assert_rounds_alike(together["tokens"][row], alone["tokens"][0])
        assert_rounds_alike(together["pooled_frames"][row], alone["pooled_frames"][0])


@torch.no_grad()
def test_visible_frames_reach_the_decoder_at_their_places(monkeypatch):
    model, (speech, lengths) = pretraining(mask_noise=0.0).eval(), waves([3210])
    shown = torch.tensor([[True, False, False, True, True, False, False, True, True]])
    monkeypatch.setattr(emotion2vec_s, "span_mask", lambda inside, *_: inside & ~shown)
    seen = []
    model.decoder.forward = lambda x, inside, wanted: seen.append(x) or x[wanted]
    model.student_views(speech, lengths, 1)
    local, inside = model.student.embed(speech, lengths)
    assert local.shape[1] == 9
    x = local * shown[:, :, None]
    frames = model.student.encode(x + model.student.positions(x, inside), shown)[0]
    assert_rounds_alike(seen[0], frames * shown[:, :, None])


def test_state_is_restored_exactly():
    model = pretraining(ema_decay=0.5, ema_end_decay=0.6, ema_anneal_updates=9)
    step(model)[0].backward()
    model.after_step()
    state = copy.deepcopy(model.state_dict())
    assert {name.split(".")[0] for name in state} == {"student", "teacher", "decoder", "updates"}
    other = pretraining(seed=9, ema_decay=0.5, ema_end_decay=0.6, ema_anneal_updates=9)
    other.load_state_dict(state)
    for _ in range(2):
        first, second = step(model), step(other)
        assert second[0].item() == nearly(first[0].item())
        model.after_step()
        other.after_step()
    assert_rounds_alike(other.teacher.extra_tokens, model.teacher.extra_tokens, FORMULA)


def test_a_few_steps_learn():
    model = pretraining(config=STILL, mask_noise=0.0, ema_decay=0.999)
    optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=3e-3)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss, stats, _ = step(model)
        loss.backward()
        optimiser.step()
        losses.append({name: float(value) for name, value in stats.items()})
    for name in ("loss", "loss_frm", "loss_cate"):
        assert losses[-1][name] < 0.8 * losses[0][name]


def test_utterances_may_be_encoded_in_groups(monkeypatch):
    """Neither the utterances that are encoded together nor the views of one group change anything."""
    model = pretraining(config=STILL, mask_noise=0.0).eval()
    pattern = torch.tensor([False, True, True, False, False, True, False, False, True, True] * 3)
    monkeypatch.setattr(emotion2vec_s, "span_mask", lambda inside, *_: inside & pattern[: inside.shape[1]])

    def result():
        model.zero_grad()
        loss, stats, _ = step(model)
        loss.backward()
        return stats, {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}

    whole = result()

    def alone(lengths, least=0):
        return [(torch.tensor([row]), int(lengths[row])) for row in (2, 0, 3, 1) if row < len(lengths)]

    monkeypatch.setattr(emotion2vec_s, "by_length", alone)
    torch.testing.assert_close(result(), whole, atol=2e-3, rtol=2e-3)


def test_unknown_scale():
    with pytest.raises(InputError, match="frame_scale 'sum'.*mean, sqrt_dim"):
        pretraining(frame_scale="sum")


def test_losses_stay_in_float32_under_autocast():
    model = pretraining(config=STILL)
    kinds, losses = [], model.losses

    def watch(made, labels):
        kinds.extend([made["predictions"].dtype, made["answers"].dtype, torch.is_autocast_enabled("cpu")])
        return losses(made, labels)

    model.losses = watch
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half, stats, _ = step(model)
    assert kinds == [torch.bfloat16, torch.float32, False]
    assert half.dtype == torch.float32 and all(value.dtype == torch.float32 for value in stats.values())
    assert float(stats["loss_frm"]) == pytest.approx(float(step(model)[1]["loss_frm"]), rel=0.15)
    half.backward()
    assert all(weight.grad.dtype == torch.float32 for weight in model.student.parameters())
    model.min_target_variance = 0.01
    constant(model.teacher, 0.0)
    with pytest.raises(RuntimeError, match="collapsed"), torch.autocast("cpu", dtype=torch.bfloat16):
        step(model)
    constant(model.teacher, float("nan"))
    assert not step(model)[0].isfinite()  # no collapse: the trainer skips such an update, and counts it


def test_the_spectral_start_trains_the_front_end_alone_and_ends():
    model = pretraining(teacher_updates=3).train()
    before = copy.deepcopy(model.student.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for number in range(5):
        optimizer.zero_grad()
        loss, stats, _ = step(model)
        assert set(stats) == {"loss", "loss_teacher"} if number < 3 else "loss_cate" in stats
        loss.backward()
        optimizer.step()
        model.after_step()
        if number == 2:
            after = model.student.state_dict()
            moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
            assert moved == {"frontend", "project"}
            assert all(torch.equal(a, b) for a, b in zip(model.teacher.parameters(), model.student.parameters()))
    assert not torch.equal(model.teacher.project[1].weight, model.student.project[1].weight)
    assert "loss_teacher" not in step(model.eval())[1]

"""The emotion2vec backbone: lengths, padding, ALiBi, positions."""

import pytest
import torch
import torch.nn.functional as F

from c2ser.errors import InputError
from c2ser.models.emotion2vec import (
    ConvPositions,
    Emotion2Vec,
    Emotion2VecConfig,
    alibi_slopes,
    backbone_config,
    normalise_waveform,
)
from tests.builders import BACKBONE, backbone, waves
from tests.closeness import assert_rounds_alike


@pytest.fixture(scope="module")
def model():
    return backbone()


@torch.no_grad()
@pytest.mark.parametrize("normalise", [True, False])
def test_batch_gives_what_single_utterances_give(normalise):
    model = backbone(normalise=normalise)
    lengths = [400, 16000, 1000, 3210, 7999, 719]
    speech, counts = waves(lengths)
    frames, tokens, number = model(speech, counts)
    assert frames.shape == (6, int(number.max()), 24) and tokens.shape == (6, 10, 24)
    for row, length in enumerate(lengths):
        alone, own_tokens, count = model(speech[row : row + 1, :length], counts[row : row + 1])
        assert int(count) == int(number[row]) == alone.shape[1]
        assert_rounds_alike(frames[row, : int(count)], alone[0])
        assert_rounds_alike(tokens[row], own_tokens[0])
        assert not frames[row, int(count) :].any()


@torch.no_grad()
def test_what_lies_in_the_padding_is_not_heard(model):
    speech, lengths = waves([4000, 8000])
    frames, tokens, number = model(speech, lengths)
    speech[0, 4000:] = 3.0
    other_frames, other_tokens, _ = model(speech, lengths)
    assert_rounds_alike(other_frames, frames)
    assert_rounds_alike(other_tokens, tokens)


@torch.no_grad()
def test_frame_lengths_are_those_of_the_convolutions(model):
    for length in [*range(400, 1500, 61), 719, 720, 721, 16000]:
        assert model.frame_lengths(torch.tensor([length])).tolist() == [model.frontend(torch.zeros(1, length)).shape[1]]
    assert model.frame_lengths(torch.tensor([0, 399, 400, 719, 720, 16000])).tolist() == [0, 0, 1, 1, 2, 49]


def test_base_size_is_emotion2vec():
    config = Emotion2VecConfig()
    assert config.conv_layers == [(512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2]
    assert (config.dim, config.prenet_depth, config.depth, config.heads, config.extra_tokens) == (768, 4, 8, 12, 10)
    with torch.device("meta"):
        model = Emotion2Vec.__new__(Emotion2Vec)
        Emotion2Vec.__init__(model, config)
    assert sum(weight.numel() for weight in model.parameters()) == pytest.approx(93.8e6, rel=0.01)
    assert len(model.positions.convs) == 5 and model.positions.convs[0].kernel_size == (19,)
    assert model.positions.convs[0].groups == 16


def test_alibi_slopes():
    assert alibi_slopes(8) == pytest.approx([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256])
    between = [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]
    assert alibi_slopes(12) == pytest.approx([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256, *between])
    assert alibi_slopes(2) == pytest.approx([1 / 16, 1 / 256])


@torch.no_grad()
def test_attention_bias(model):
    model = backbone(extra_tokens=2, heads=2, dim=24)
    model.alibi_scale.copy_(torch.tensor([2.0, -1.0]))
    index = torch.tensor([[0, 3, 4], [1, 2, 0]])
    inside = torch.tensor([[True, True, True], [True, True, False]])
    bias = model.attention_bias(index, inside)
    assert bias.shape == (2, 2, 5, 5)
    first = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 3, 4], [0, 0, 3, 0, 1], [0, 0, 4, 1, 0]])
    assert_rounds_alike(bias[0, 0], -first * (2 / 16))
    assert not bias[0, 1].any()  # a scale below zero would reward distance: it counts as zero
    inf = float("-inf")
    assert bias[1, :, :, 4].eq(inf).all() and bias[1, :, :, :4].isfinite().all()
    assert_rounds_alike(bias[1, 0, 2:4, 2:4], torch.tensor([[0.0, -2 / 16], [-2 / 16, 0.0]]))
    assert not bias[:, :, :2, :2].any() and not bias[0, :, 2:, :2].any()


@torch.no_grad()
def test_bias_of_some_frames_is_a_part_of_the_whole(model):
    index = torch.tensor([[1, 2, 5, 8]])
    everything = model.attention_bias(torch.arange(9)[None], torch.ones(1, 9, dtype=torch.bool))
    some = model.attention_bias(index, torch.ones(1, 4, dtype=torch.bool))
    places = torch.cat([torch.arange(10), 10 + index[0]])
    assert_rounds_alike(some, everything[:, :, places][:, :, :, places])


@torch.no_grad()
def test_leaving_frames_out_is_hiding_them(model):
    """Encoding only the visible frames, each with its place, gives what all frames give with the others hidden."""
    torch.manual_seed(3)
    x = torch.randn(2, 9, 24)
    shown = torch.tensor([[0, 1, 1, 0, 0, 1, 0, 0, 1], [1, 0, 0, 0, 0, 0, 1, 1, 0]], dtype=torch.bool)
    frames, tokens, targets = model.encode(x, shown)
    index, real = torch.tensor([[1, 2, 5, 8], [0, 6, 7, 3]]), torch.tensor([[True] * 4, [True] * 3 + [False]])
    some, own_tokens, own_targets = model.encode(x.gather(1, index[:, :, None].expand(-1, -1, 24)), real, index)
    assert_rounds_alike(own_tokens, tokens)
    assert len(targets) == len(own_targets) == 2
    for part, whole in zip([some, *own_targets], [frames, *targets]):
        assert_rounds_alike(part[real], whole[torch.arange(2)[:, None], index][real])


@torch.no_grad()
def test_places_matter(model):
    x, shown = torch.randn(1, 4, 24), torch.ones(1, 4, dtype=torch.bool)
    near, far = (model.encode(x, shown, torch.tensor([places]))[0] for places in ([0, 1, 2, 3], [0, 9, 20, 40]))
    assert (near - far).abs().max() > 1e-3


@torch.no_grad()
def test_targets_are_what_the_blocks_feed_forward_gives(model):
    x, shown = torch.randn(1, 5, 24), torch.ones(1, 5, dtype=torch.bool)
    seen = []
    hooks = [
        block.mlp.register_forward_hook(lambda module, args, out: seen.append(out))
        for block in [*model.prenet, *model.blocks]
    ]
    targets = model.encode(x, shown)[2]
    for hook in hooks:
        hook.remove()
    assert len(seen) == 3 and len(targets) == 2  # the prenet's is none
    for target, made in zip(targets, seen[1:]):
        torch.testing.assert_close(target, made[:, 10:], atol=0, rtol=0)


def test_normalise_waveform():
    speech, lengths = waves([500, 900])
    speech += 0.3
    made = normalise_waveform(speech, lengths)
    for row, length in enumerate(lengths.tolist()):
        assert_rounds_alike(made[row, :length], F.layer_norm(speech[row, :length], (length,)))
    assert not made[0, 500:].any()
    assert not normalise_waveform(torch.full((1, 500), 0.5), torch.tensor([500])).any()  # silence stays silence


@torch.no_grad()
@pytest.mark.parametrize(("width", "kernel"), [(8, 4), (10, 5), (2, 3)])
def test_positions_stay_at_their_frames(width, kernel):
    """A kernel that passes its centre on gives each frame at its own place, even kernels being trimmed at the end."""
    positions = ConvPositions(6, width, depth=2, groups=1)
    for conv in positions.convs:
        assert conv.kernel_size == (kernel,)
        conv.weight.zero_()
        conv.bias.zero_()
        conv.weight[:, :, kernel // 2] = torch.eye(6)
    x, inside = torch.randn(2, 7, 6), torch.arange(7) < torch.tensor([[7], [4]])
    wanted = F.gelu(F.layer_norm(F.gelu(F.layer_norm(x, (6,))), (6,)))
    assert_rounds_alike(positions(x, inside)[inside], wanted[inside])


@torch.no_grad()
def test_positions_do_not_reach_into_padding():
    torch.manual_seed(0)
    positions = ConvPositions(8, 10, depth=3, groups=2)
    x, inside = torch.randn(1, 12, 8), (torch.arange(12) < 7)[None]
    alone = positions(x[:, :7], inside[:, :7])
    assert_rounds_alike(positions(x, inside)[:, :7], alone)


def test_training_drops_and_evaluation_does_not():
    model = backbone(layerdrop=1.0)
    x, shown = torch.randn(1, 5, 24), torch.ones(1, 5, dtype=torch.bool)
    assert len(model.encode(x, shown)[2]) == 2
    assert_rounds_alike(model.encode(x, shown)[0].detach(), model.encode(x, shown)[0].detach())
    model.train()
    assert model.encode(x, shown)[2] == []
    model = backbone(layerdrop=0.0).train()
    assert (model.encode(x, shown)[0] - model.encode(x, shown)[0]).abs().max() > 1e-3


def test_every_weight_learns():
    model = backbone(dropout=0.0, attention_dropout=0.0).train()
    model.config.layerdrop = 0.0
    frames, tokens, _ = model(*waves([3000, 5000]))
    (frames.sin().sum() + tokens.sin().sum()).backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert without == []
    assert all(weight.grad.isfinite().all() for weight in model.parameters())


def test_configuration_from_a_file():
    config = backbone_config(BACKBONE)
    assert config.conv_layers[0] == (16, 10, 5) and config.dim == 24
    assert backbone_config({}) == Emotion2VecConfig()
    with pytest.raises(InputError, match="backbone_conf: unknown deph, width; known are .*depth"):
        backbone_config({"deph": 3, "width": 2, "dim": 24})

"""Subsampling and the connector: rates, causality, positions, padding."""

import math

import numpy as np
import pytest
import torch

from c2ser.models.connector import Connector, Standardize, Subsampler, join_lengthwise, sinusoids
from tests.builders import CONNECTOR, randomise
from tests.closeness import FORMULA, assert_rounds_alike, nearly


@pytest.fixture(scope="module")
def subsampler():
    return randomise(Subsampler(6, 8)).eval()


@pytest.fixture(scope="module")
def connector():
    return randomise(Connector(12, 0.02, **CONNECTOR)).eval()


@torch.no_grad()
def test_four_frames_become_one(subsampler):
    for length in range(1, 24):
        x, counts = subsampler(torch.randn(1, length, 6), torch.tensor([length]))
        assert x.shape == (1, math.ceil(math.ceil(length / 2) / 2), 8) and int(counts) == x.shape[1]
    assert subsampler(torch.randn(1, 50, 6), torch.tensor([50]))[0].shape[1] == 13  # 50 Hz → 12.5 Hz


@torch.no_grad()
def test_subsampling_is_causal(subsampler):
    x = torch.randn(1, 20, 6)
    before, _ = subsampler(x, torch.tensor([20]))
    for changed in range(20):
        other = x.clone()
        other[:, changed:] += 1
        after, _ = subsampler(other, torch.tensor([20]))
        first = math.ceil(changed / 4)  # output t stands at frame 4t
        assert_rounds_alike(after[:, :first], before[:, :first], FORMULA, scale=float(before.abs().max()))
        assert first == 5 or (after[:, first:] - before[:, first:]).abs().max() > 1e-3


@torch.no_grad()
def test_an_output_sees_its_own_frame(subsampler):
    x = torch.randn(1, 20, 6)
    before, _ = subsampler(x, torch.tensor([20]))
    other = x.clone()
    other[:, 8] += 1
    after, _ = subsampler(other, torch.tensor([20]))
    assert (after[:, 2] - before[:, 2]).abs().max() > 1e-3
    assert_rounds_alike(after[:, :2], before[:, :2], FORMULA)


@torch.no_grad()
def test_an_output_sees_eight_frames_back(subsampler):
    """Two frames of the first convolution, two of the second, and two of the third at half the rate."""
    x = torch.randn(1, 40, 6)
    before, _ = subsampler(x, torch.tensor([40]))
    for back, seen in ((8, True), (9, False)):
        other = x.clone()
        other[:, 32 - back] += 1
        changed = (subsampler(other, torch.tensor([40]))[0][:, 8] - before[:, 8]).abs().max()
        assert changed > 1e-3 if seen else changed < 1e-5


@torch.no_grad()
def test_subsampled_batch_gives_what_single_utterances_give(subsampler):
    lengths = [17, 4, 9, 1]
    x = torch.nn.utils.rnn.pad_sequence([torch.randn(length, 6) for length in lengths], batch_first=True)
    together, counts = subsampler(x, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone, count = subsampler(x[row : row + 1, :length], torch.tensor([length]))
        assert int(count) == int(counts[row])
        assert_rounds_alike(together[row, : int(count)], alone[0])


@torch.no_grad()
def test_connected_batch_gives_what_single_utterances_give(connector):
    lengths = torch.tensor([14, 3, 9])
    x = torch.randn(3, 14, 32)
    together = connector(x, lengths)
    assert together.shape == (3, 14, 12)
    for row, length in enumerate(lengths.tolist()):
        alone = connector(x[row : row + 1, :length], lengths[row : row + 1])
        assert_rounds_alike(together[row, :length], alone[0])


@torch.no_grad()
def test_positions_count(connector):
    x = torch.randn(1, 6, 32)
    made = connector(x, torch.tensor([6]))
    turned = connector(x.flip(1), torch.tensor([6])).flip(1)
    assert (made - turned).abs().max() > 0.01


def test_sinusoids():
    made = sinusoids(5, 8, "cpu", torch.float32)
    rates = [1.0, 10000 ** (-1 / 4), 10000 ** (-2 / 4), 10000 ** (-3 / 4)]
    for place, row in enumerate(made.tolist()):
        wanted = [function(place * rate) for rate in rates for function in (math.sin, math.cos)]
        assert row == nearly(wanted)


@torch.no_grad()
def test_output_starts_at_the_magnitude_of_the_embeddings():
    torch.manual_seed(0)
    for std in (0.02, 1.0):
        connector = Connector(64, std, dim=128, depth=1, heads=2, feedforward=64).eval()
        made = connector(torch.randn(4, 30, 128), torch.full((4,), 30))
        assert float(made.std()) == pytest.approx(std, rel=0.15)


def test_default_size_is_the_papers():
    with torch.device("meta"):
        connector = Connector(896, 0.02)
    layer = connector.layers.layers[0]
    assert len(connector.layers.layers) == 4 and layer.self_attn.num_heads == 4 and layer.norm_first
    assert layer.linear1.weight.shape == (2560, 1024) and connector.project.weight.shape == (896, 1024)
    assert connector.embed[0].weight.shape == (1024, 1024) and connector.embed[1].normalized_shape == (1024,)
    assert layer.activation is torch.nn.functional.relu
    assert connector.dropout.p == connector.embed[2].p == layer.dropout.p == layer.dropout1.p == layer.dropout2.p == 0.1
    assert all(layer.self_attn.dropout == 0.0 for layer in connector.layers.layers)


@torch.no_grad()
def test_input_is_normed_and_scaled_before_positions_are_added(connector):
    """So that positions weigh as they do in the released model, whatever the magnitude of the encoder's frames."""
    seen = []
    hook = connector.dropout.register_forward_pre_hook(lambda layer, args: seen.append(args[0]))
    x = torch.randn(1, 5, 32) * 50
    connector(x, torch.tensor([5]))
    hook.remove()
    before = connector.embed[1](connector.embed[0](x))
    assert_rounds_alike(seen[0], before * math.sqrt(32) + sinusoids(5, 32, "cpu", torch.float32))


def test_join_lengthwise():
    first, second = torch.ones(2, 3, 4), torch.zeros(2, 5, 4)
    joined, lengths = join_lengthwise(first, second, torch.tensor([5, 2]))
    assert joined.shape == (2, 8, 4) and lengths.tolist() == [8, 5]
    assert joined[:, :3].eq(1).all() and joined[:, 3:].eq(0).all()


def test_standardize_fits_the_first_batch_within_its_lengths():
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 40, 5) * torch.tensor([1.0, 10, 100, 0.1, 1]) + torch.tensor([0.0, 50, -3, 0, 7]), torch.tensor([40, 7, 23])
    standardize = Standardize(5)
    made = standardize.train()(x, lengths)
    rows = torch.cat([row[:length] for row, length in zip(made, lengths)])
    torch.testing.assert_close(rows.mean(0), torch.zeros(5), rtol=0, atol=1e-4)
    torch.testing.assert_close(rows.std(0, unbiased=False), torch.ones(5), rtol=0, atol=1e-4)
    assert not made[1, 7:].any() and not made[2, 23:].any()
    wanted = (x[1] * 3 - standardize.mean) * standardize.scale
    for training in (True, False):  # what was fitted stays
        assert_rounds_alike(standardize.train(training)(x[1:] * 3, lengths[1:])[0, :7], wanted[:7], FORMULA)


def test_standardize_takes_the_speakers_mean_and_the_spread_around_it():
    random = np.random.default_rng(0)
    x, lengths, speaker = random.normal(3, 2, (3, 9, 4)), [9, 4, 6], random.normal(3, 1, (3, 4))
    standardize = Standardize(4).train()
    made = standardize(torch.tensor(x), torch.tensor(lengths), torch.tensor(speaker)).numpy()
    rows = np.concatenate([one[:length] - own for one, length, own in zip(x, lengths, speaker)])
    np.testing.assert_allclose(standardize.mean.numpy(), np.concatenate([a[:n] for a, n in zip(x, lengths)]).mean(0), rtol=1e-6)
    for one, length, own, given in zip(made, lengths, speaker, x):
        np.testing.assert_allclose(one[:length], (given[:length] - own) / rows.std(0), rtol=1e-5)
        assert not one[length:].any()


def test_standardize_is_not_fitted_to_what_is_not_finite():
    x, lengths = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1)), torch.tensor([4, 3])
    one, other = Standardize(3).train(), Standardize(3).train()
    one(torch.cat([x[:1], x[1:] * float("inf")]), lengths)
    assert torch.equal(one(x, lengths), other(x, lengths)) and one.fitted


def test_standardize_leaves_what_it_was_not_fitted_to():
    x = torch.randn(2, 4, 3)
    assert torch.equal(Standardize(3).eval()(x, torch.tensor([4, 4])), x)


def test_a_dimension_that_never_changes_stays_finite():
    made = Standardize(2).train()(torch.ones(2, 4, 2), torch.tensor([4, 2]))
    assert made.isfinite().all() and not made.any()

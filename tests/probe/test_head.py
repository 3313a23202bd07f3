"""EmoBox's head: what it learns, its schedule, mixtures of layers, and that the seed decides everything."""

import numpy as np
import pytest
import torch

from c2ser.probe.features import Standardiser
from c2ser.probe.head import EPOCHS, WARMUP_EPOCHS, build_network, fit_head, schedule
from tests.closeness import FORMULA, assert_rounds_alike


def scaled(values):
    return Standardiser.fit(values).apply(values)


def test_schedule_rises_then_falls_to_near_nothing():
    factors = [schedule(epoch) for epoch in range(EPOCHS)]
    assert factors[0] == 0.1 and max(factors) == factors[WARMUP_EPOCHS - 1] == 1.0
    assert np.diff(factors[:WARMUP_EPOCHS]) == pytest.approx(0.1)
    assert (np.diff(factors[WARMUP_EPOCHS:]) < 0).all() and 0 < factors[-1] < 0.02


def test_network_by_hand():
    network = build_network([(2, 2), (1, 1)], hidden=2, classes=2)
    with torch.no_grad():
        network.mixtures[0].copy_(torch.tensor([0.0, np.log(3.0)]))
        network.first.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, -1]]))
        network.second.weight.copy_(torch.tensor([[1.0, 0], [0, 2]]))
        network.first.bias.zero_(), network.second.bias.zero_()
        found = network([torch.tensor([[[4.0, 8], [8, 0]]]), torch.tensor([[[5.0]]])])
    # layers mixed 1/4 : 3/4 give (7, 2); the joined third value is 5; ReLU cuts 2 − 5
    assert_rounds_alike(found, torch.tensor([[7.0, 0.0]]), FORMULA)


def test_a_ring_around_a_blob_needs_hidden_units():
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, 60)
    ring = np.stack([3 * np.cos(angle), 3 * np.sin(angle)], axis=1)
    values = np.concatenate([ring, random.normal(0, 0.5, (60, 2))])[:, None].astype(np.float32)
    labels = ["angry"] * 60 + ["sad"] * 60
    posteriors = fit_head([scaled(values)], labels, 64, 1e-2, 40).posteriors([scaled(values)])
    assert (posteriors.argmax(1) == [0] * 60 + [1] * 60).mean() > 0.95
    np.testing.assert_allclose(posteriors.sum(1), 1)


def test_the_mixture_finds_the_layer_that_tells(layers):
    values, labels = layers(90)
    inputs = [scaled(values)]
    weights = fit_head(inputs, labels, 16, 1e-2, 60).mixtures()[0]
    assert sum(weights) == pytest.approx(1) and np.argmax(weights) == 1 and weights[1] > 0.4
    assert fit_head([inputs[0][:, 1:2]], labels, 16, 1e-2, 1).mixtures() == [[1.0]]


def test_the_seed_decides_everything_and_leaves_torch_alone(layers):
    values, labels = layers(30)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (fit_head([values], labels, 8, 1e-3, 3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    one, two, three = (head.posteriors([values]) for head in (first, again, other))
    assert_rounds_alike(two, one)
    assert np.abs(three - one).max() > 1e-3


def test_stopping_early_repeats_the_longer_training(layers):
    """What an epoch was judged by is what training up to it gives again."""
    values, labels = layers(30)
    watched = []
    fit_head([values], labels, 8, 1e-3, 5, watch=lambda head: watched.append(head.posteriors([values])))
    assert len(watched) == 5
    assert_rounds_alike(fit_head([values], labels, 8, 1e-3, 3).posteriors([values]), watched[2])
    assert np.abs(watched[3] - watched[2]).max() > 1e-4


def test_class_weights_reach_the_loss():
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0, 1, (190, 1)), random.normal(1, 1, (10, 1))])[:, None].astype(np.float32)
    labels, point = ["neutral"] * 190 + ["sad"] * 10, [np.array([[[1.5]]], np.float32)]
    balanced, plain = (fit_head([values], labels, 16, 1e-2, 20, weighting) for weighting in ("balanced", "none"))
    assert balanced.posteriors(point)[0, 1] > 0.5 > plain.posteriors(point)[0, 1]

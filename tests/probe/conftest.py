"""Features with classes in them, for the probe's tests."""

import numpy as np
import pytest

CENTRES = {"angry": [0, 0, 0, 0], "happy": [3, 0, 1, 0], "sad": [0, 3, 0, 1]}


def make_clouds(count, seed=0, spread=1.0):
    """Three classes around three centres, on axes of very different scale: `(count, 4)` and the labels."""
    random, labels = np.random.default_rng(seed), list(CENTRES) * (count // 3)
    points = np.array([CENTRES[label] for label in labels]) + random.normal(0, spread, (len(labels), 4))
    return points * [1, 1000, 0.001, 1] + [0, 50000, 0, 1], labels


def make_layers(count, seed=0, signal=(0.0, 4.0, 1.0), width=5):
    """`(count, layers, width)` float32, layer i telling three classes apart by `signal[i]`, and the labels."""
    random, names = np.random.default_rng(seed), list(CENTRES)
    labels = [names[i % 3] for i in range(count)]
    axes = np.array([names.index(label) for label in labels])
    values = random.normal(0, 1, (count, len(signal), width))
    values[np.arange(count)[:, None], np.arange(len(signal)), axes[:, None]] += np.array(signal)
    return values.astype(np.float32), labels


@pytest.fixture
def clouds():
    return make_clouds


@pytest.fixture
def layers():
    return make_layers

"""Statistics over frames: padding, and chunks that are joined."""

import numpy as np
import pytest
import torch

from c2ser.inference.pooling import frame_statistics, join_chunks
from tests.closeness import assert_rounds_alike


def test_only_own_frames_count():
    torch.manual_seed(0)
    frames, counts = torch.randn(3, 7, 5) * 0.1 + 20, torch.tensor([7, 1, 4])
    mean, deviation = frame_statistics(frames, counts)
    for row, count in enumerate(counts.tolist()):
        own = frames[row, :count].double()
        assert_rounds_alike(mean[row], own.mean(0), terms=7)
        assert_rounds_alike(deviation[row], own.std(0, unbiased=False), terms=7, scale=20)
    assert not deviation[1].any()


def test_half_precision_frames_give_float32_even_under_autocast():
    frames, counts = torch.randn(1, 9, 4), torch.tensor([9])
    with torch.autocast("cpu", torch.bfloat16):
        mean, deviation = frame_statistics(frames, counts)
    assert mean.dtype == deviation.dtype == torch.float32
    assert_rounds_alike(mean[0], frames[0].mean(0), terms=9)
    assert frame_statistics(frames.bfloat16(), counts)[0].dtype == torch.float32


def test_no_frames_give_zeros():
    for value in frame_statistics(torch.randn(1, 3, 4), torch.tensor([0])):
        assert not value.any()


@pytest.mark.parametrize("extra", [0, 3])
def test_joined_chunks_are_the_whole(extra):
    """Two depths; columns before the statistics are averaged with the frames as weights."""
    random = np.random.default_rng(0)
    frames = random.normal(size=(2, 12, 4)) + 1000 * np.arange(4)
    edges, other = [(0, 5), (5, 6), (6, 12)], random.normal(size=(3, 2, extra))
    rows = [
        np.concatenate([given, frames[:, start:end].mean(1), frames[:, start:end].std(1)], axis=1)
        for given, (start, end) in zip(other, edges)
    ]
    joined = join_chunks(rows, [5, 1, 6], dim=4)
    assert joined.shape == (2, extra + 8) and joined.dtype == np.float32
    np.testing.assert_allclose(joined[:, extra:], np.concatenate([frames.mean(1), frames.std(1)], axis=1), rtol=1e-6)
    np.testing.assert_allclose(joined[:, :extra], (5 * other[0] + other[1] + 6 * other[2]) / 12, rtol=1e-6)


def test_without_statistics_all_is_averaged():
    made = join_chunks([np.ones((10, 4)), np.full((10, 4), 4.0)], [1, 2], dim=0)
    np.testing.assert_allclose(made, np.full((10, 4), 3.0))

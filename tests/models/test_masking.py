"""Masks over frames, and statistics that leave padding out."""

import pytest
import torch
import torch.nn.functional as F

from c2ser.models.masking import by_length, masked_instance_norm, masked_mean, span_mask, visible_frames
from tests.closeness import assert_rounds_alike


def inside_of(*lengths):
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


@pytest.mark.parametrize(("probability", "length"), [(0.5, 5), (0.3, 3), (0.65, 1)])
def test_expected_fraction_is_masked(probability, length):
    torch.manual_seed(0)
    mask = span_mask(torch.ones(20000, 40, dtype=torch.bool), probability, length)
    fractions = mask.float().mean(0)
    starting = 1 - (1 - probability) ** (1 / length)
    for frame, fraction in enumerate(fractions.tolist()):
        wanted = 1 - (1 - starting) ** min(frame + 1, length)  # fewer spans can reach the first frames
        assert fraction == pytest.approx(wanted, abs=0.015)


def test_masked_frames_come_in_spans():
    torch.manual_seed(0)
    mask = span_mask(torch.ones(50, 200, dtype=torch.bool), 0.3, 6)
    runs = []
    for row in mask.tolist():
        run = 0
        for masked in row:
            if run and not masked:
                runs.append(run)
            run = run + 1 if masked else 0
    assert len(runs) > 300 and min(runs) == 6


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_every_row_keeps_something_to_see_and_something_to_predict(probability):
    torch.manual_seed(0)
    inside = inside_of(*([1, 2, 3, 7, 30] * 40))
    mask = span_mask(inside, probability, 5)
    assert mask.dtype == torch.bool and not (mask & ~inside).any()
    assert (inside & ~mask).any(1).all()
    assert mask.any(1).tolist() == [length > 1 for length in inside.sum(1).tolist()]


def test_forced_frames_lie_anywhere():
    torch.manual_seed(0)
    inside = inside_of(*[4] * 400)
    assert span_mask(inside, 0.0, 3).sum(0).min() > 50  # one masked frame a row, at a random place
    assert (~span_mask(inside, 1.0, 3)).sum(0).min() > 50


def test_one_frame_and_no_frame():
    assert not span_mask(torch.ones(3, 1, dtype=torch.bool), 1.0, 5).any()
    assert not span_mask(torch.zeros(2, 4, dtype=torch.bool), 1.0, 5).any()


def test_rows_are_drawn_independently_and_from_the_seed():
    inside = inside_of(*[40] * 8)
    torch.manual_seed(1)
    first = span_mask(inside, 0.5, 5)
    torch.manual_seed(1)
    assert torch.equal(span_mask(inside, 0.5, 5), first)
    assert len({tuple(row) for row in first.tolist()}) == 8


def test_visible_frames_are_packed_in_order():
    visible = torch.tensor([[0, 1, 1, 0, 1], [0, 0, 0, 1, 0]], dtype=torch.bool)
    index, real = visible_frames(visible)
    assert index.shape == (2, 3)
    assert index[0].tolist() == [1, 2, 4] and index[1, 0] == 3
    assert real.tolist() == [[True, True, True], [True, False, False]]


@pytest.mark.parametrize("least", [0, 500])
def test_rows_are_grouped_by_length(least):
    torch.manual_seed(0)
    lengths = torch.randint(1, 300, (100,))
    groups = list(by_length(lengths, waste=0.1, least=least))
    assert sorted(torch.cat([rows for rows, _ in groups]).tolist()) == list(range(100))
    padded = 0
    for number, (rows, longest) in enumerate(groups):
        inside = int(lengths[rows].sum())
        assert longest == int(lengths[rows].max()) and rows.tolist() == sorted(rows.tolist())
        assert inside >= 0.9 * longest * len(rows) or inside < 2 * max(least, 1) or number == len(groups) - 1
        padded += longest * len(rows)
    assert len(groups) > 3 and padded < 1.15 * int(lengths.sum())
    assert len(list(by_length(torch.full((9,), 50), waste=0.0, least=0))) == 1
    assert len(list(by_length(lengths, waste=1.0, least=0))) == 1


def test_masked_mean():
    x = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]], [[5.0, 5.0], [9.0, 9.0], [9.0, 9.0]]])
    inside = torch.tensor([[True, True, False], [True, False, False]])
    assert masked_mean(x, inside).tolist() == [[2.0, 4.0], [5.0, 5.0]]
    assert masked_mean(x.bfloat16(), inside).dtype == torch.float32
    assert masked_mean(x, torch.zeros(2, 3, dtype=torch.bool)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_masked_instance_norm_is_instance_norm_without_padding():
    torch.manual_seed(0)
    x, lengths = torch.randn(3, 11, 4) * 2 + 1, [11, 5, 2]
    made = masked_instance_norm(x, inside_of(*lengths))
    for row, length in enumerate(lengths):
        wanted = F.instance_norm(x[row, :length].T[None])[0].T
        assert_rounds_alike(made[row, :length], wanted)
        assert not made[row, length:].any()

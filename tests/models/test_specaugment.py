"""Bands that SpecAugment masks."""

import torch

from c2ser.models.specaugment import SpecAugment, draw_band


def masked(before, after, dim):
    """How many columns (dim 1) or rows (dim 0) were filled, and whether they lie in one band."""
    changed = (before != after).all(1 - dim).nonzero()[:, 0]
    return len(changed), len(changed) == 0 or int(changed[-1] - changed[0]) + 1 == len(changed)


def test_masked_frames_are_few_and_in_a_band():
    torch.manual_seed(0)
    augment = SpecAugment(time_masks=1, time_width=7, time_ratio=1.0, frequency_masks=0)
    mel, widths = torch.randn(8, 60), []
    for _ in range(200):
        made = augment(mel)
        width, band = masked(mel, made, 1)
        assert band and (made[made != mel] == mel.mean()).all()
        widths.append(width)
    assert set(widths) == set(range(8))


def test_masked_bins_are_few_and_in_a_band():
    torch.manual_seed(0)
    augment, mel, widths = SpecAugment(time_masks=0, frequency_masks=1, frequency_width=3), torch.randn(8, 60), []
    for _ in range(100):
        width, band = masked(mel, augment(mel), 0)
        assert band
        widths.append(width)
    assert set(widths) == {0, 1, 2, 3}


def test_short_clips_stay_audible():
    torch.manual_seed(0)
    augment, mel = SpecAugment(time_masks=1, time_width=50, time_ratio=0.2, frequency_masks=0), torch.randn(4, 20)
    widths = {masked(mel, augment(mel), 1)[0] for _ in range(100)}
    assert widths == {0, 1, 2, 3, 4}


def test_several_masks():
    torch.manual_seed(0)
    augment, mel = SpecAugment(time_masks=4, time_width=5, time_ratio=1.0, frequency_masks=0), torch.randn(4, 200)
    widths = [masked(mel, augment(mel), 1)[0] for _ in range(100)]
    assert 10 < max(widths) <= 20


def test_defaults_are_the_released_configuration():
    augment = SpecAugment()
    assert (augment.time_masks, augment.time_width, augment.frequency_masks, augment.frequency_width) == (2, 50, 2, 10)


def test_draws_follow_the_seed_and_leave_the_input_alone():
    mel = torch.randn(80, 300)
    kept, made = mel.clone(), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(SpecAugment()(mel))
    assert torch.equal(mel, kept)
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_bands_lie_anywhere():
    torch.manual_seed(0)
    bands = {draw_band(4, 2) for _ in range(300)}
    assert bands == {(start, start + width) for width in range(3) for start in range(5 - width)}

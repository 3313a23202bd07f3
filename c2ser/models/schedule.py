"""Explicit → implicit: which batches of stage 2 are explained aloud (paper, section III-E)."""

import torch


def explicit_probability(batch, total):
    """Chance that a batch is explicit: 1 at the first, falling linearly to 0 at the last of `total` batches."""
    return max(0.0, 1.0 - batch / max(1, total - 1))


def explicit_batch(batch, total, seed):
    """Whether batch number `batch` (from 0) of `total` is explicit.

    The draw depends on seed and batch number alone, so it is the same on every rank and after a resume.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + batch)
    return float(torch.rand((), generator=generator)) < explicit_probability(batch, total)

"""Which batches of stage 2 are explained aloud (explicit → implicit: paper, section III-E), and which ask for style."""

import torch


def explicit_probability(batch, total):
    """Chance that a batch is explicit: 1 at the first, falling linearly to 0 at the last of `total` batches."""
    return max(0.0, 1.0 - batch / max(1, total - 1))


def explicit_batch(batch, total, seed):
    """Whether batch number `batch` (from 0) of `total` is explicit.

    The draw depends on seed and batch number alone, so it is the same on every rank and after a resume.
    """
    return _draws(batch, seed)[0] < explicit_probability(batch, total)


def asked_question(batch, share, questions, seed):
    """The question of style that batch number `batch` asks, or None: that of a `share` of the batches, each alike often.

    The draw depends on seed and batch number alone, and `explicit_batch`'s is another.
    """
    _, ask, which = _draws(batch, seed)
    return questions[int(which * len(questions))] if ask < share else None


def _draws(batch, seed):
    """Three numbers from [0, 1) of a batch."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + batch)
    return [float(torch.rand((), generator=generator)) for _ in range(3)]

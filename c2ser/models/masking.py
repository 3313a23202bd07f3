"""Masks over frames: random spans for pretraining, and statistics that leave padding out."""

import torch


def span_mask(inside, probability, length):
    """Draw spans to mask, independently for every row.

    inside: bool `(batch, frames)`. Every frame starts a span of `length` frames with the chance that makes the
    expected masked fraction `probability`. Each row keeps at least one visible frame and, from two frames on, at least
    one masked frame. Returns bool `(batch, frames)`, False outside.
    """
    batch, frames = inside.shape
    starting = 1.0 - (1.0 - probability) ** (1.0 / length)
    mask = torch.rand(batch, frames, device=inside.device) < starting
    for _ in range(length - 1):
        mask = mask | torch.nn.functional.pad(mask, (1, 0))[:, :frames]
    mask = mask & inside
    score = torch.rand(batch, frames, device=inside.device).masked_fill(~inside, -1.0)
    first, second = score.topk(min(2, frames), dim=1).indices.split(1, dim=1) if frames > 1 else (score.argmax(1, True), None)
    if second is not None:
        none_masked = ~mask.any(1) & (inside.sum(1) > 1)
        mask = mask | (torch.zeros_like(mask).scatter(1, second, True) & none_masked[:, None])
    all_masked = ~(inside & ~mask).any(1)
    return mask & ~(torch.zeros_like(mask).scatter(1, first, True) & all_masked[:, None])


def visible_frames(visible):
    """Positions of the True frames of each row, packed to the left.

    visible: bool `(batch, frames)`. Returns index int `(batch, most)` and, bool `(batch, most)`, which of its entries
    are real (the rest repeat masked positions and must be ignored).
    """
    counts = visible.sum(1)
    index = visible.int().argsort(dim=1, descending=True, stable=True)[:, : int(counts.max())]
    return index, torch.arange(index.shape[1], device=index.device) < counts[:, None]


def by_length(lengths, least, waste=0.1):
    """Part rows into groups of similar length, so that little of what is computed is padding.

    lengths: int `(rows,)`, in samples or frames. Yields (rows in ascending order, int `(group,)`, and the longest of
    them): a group ends where the next row would make more than the fraction `waste` of it padding, unless it has less
    than `least` in all, which is not worth a pass of its own.
    """
    order = lengths.argsort(descending=True, stable=True)
    sizes, start, filled = lengths[order].tolist(), 0, 0
    for end, size in enumerate([*sizes, 0]):
        padded = (end + 1 - start) * sizes[start]
        if end == len(sizes) or (filled >= least and filled + size < (1.0 - waste) * padded):
            yield order[start:end].sort().values, sizes[start]
            start, filled = end, 0
        filled += size


def masked_mean(x, inside):
    """Mean over the frames inside: `(batch, frames, dim)`, bool `(batch, frames)` → `(batch, dim)`, float32."""
    inside = inside[:, :, None]
    return (x.float() * inside).sum(1) / inside.sum(1).clamp_min(1)


def masked_instance_norm(x, inside, epsilon=1e-5):
    """Normalise every channel over the utterance's own frames: `(batch, frames, dim)` → the same, zero outside."""
    weight = inside[:, :, None]
    centred = (x - masked_mean(x, inside)[:, None]) * weight
    variance = (centred**2).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1)
    return centred * torch.rsqrt(variance + epsilon)

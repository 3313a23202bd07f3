"""Mean and deviation over the frames of utterances, and of utterances that were cut into chunks."""

import numpy as np
import torch


def frame_statistics(frames, counts):
    """Mean and deviation (of the population) over each utterance's own frames.

    frames: float `(batch, frames, dim)`, finite where padded too; counts: int `(batch,)`, the true numbers of frames.
    Returns float32 `(batch, dim)` twice; zeros for an utterance without frames.
    """
    inside = torch.arange(frames.shape[1], device=frames.device) < counts[:, None]
    share = (inside / counts.clamp_min(1)[:, None]).float()[:, None]  # a row of weights: sums as matrix products
    with torch.autocast(frames.device.type, enabled=False):
        frames = frames.float()
        mean = torch.bmm(share, frames)
        variance = torch.bmm(share, (frames - mean).square_())
    return mean[:, 0], variance[:, 0].sqrt()


def join_chunks(rows, counts, dim):
    """Statistics of a whole from those of its chunks.

    rows: one float array `(…, width)` a chunk, whose last 2 · dim columns are mean and deviation over its frames; all
    columns before them are averaged. counts: the chunks' numbers of frames. Returns one array of the same shape: mean
    and deviation are those over the frames of all chunks, other columns the average weighted by frames.
    """
    rows = np.stack([np.asarray(row, np.float64) for row in rows])
    share = np.asarray(counts, np.float64).reshape(-1, *[1] * (rows.ndim - 1)) / np.sum(counts)
    joined = (share * rows).sum(axis=0)
    if dim:
        means, deviations = rows[..., -2 * dim : -dim], rows[..., -dim:]
        spread = deviations**2 + (means - joined[..., -2 * dim : -dim]) ** 2
        joined[..., -dim:] = np.sqrt((share * spread).sum(axis=0))
    return joined.astype(np.float32)

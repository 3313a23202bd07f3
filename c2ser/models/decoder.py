"""The decoder of pretraining, used by Emotion2Vec-S only while it is trained."""

import torch.nn.functional as F
from torch import nn


class ConvDecoder(nn.Module):
    """data2vec 2.0's decoder: grouped convolutions with residuals, back to the width of the backbone."""

    def __init__(self, dim, width, depth, kernel, groups):
        super().__init__()
        self.trim = 1 - kernel % 2
        sizes = [dim] + [width] * depth
        self.convs = nn.ModuleList(
            nn.Conv1d(before, after, kernel, padding=kernel // 2, groups=groups)
            for before, after in zip(sizes, sizes[1:])
        )
        self.project = nn.Linear(width, dim)

    def forward(self, x, inside, wanted):
        """`(batch, frames, dim)`, bool `(batch, frames)` → `(wanted frames, dim)`: the frames where `wanted`, bool
        `(batch, frames)`, is True, in the order of `wanted.nonzero()`."""
        for conv in self.convs:
            y = conv((x * inside[:, :, None]).transpose(1, 2)).transpose(1, 2)
            y = y[:, : y.shape[1] - self.trim]
            y = F.gelu(F.layer_norm(y, y.shape[-1:]))
            x = x + y if x.shape == y.shape else y
        return self.project(x[wanted])

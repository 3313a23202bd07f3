"""From encoder frames and emotion tokens to the embeddings that the language model reads (paper, section III-C)."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Standardize(nn.Module):
    """Zero mean and unit variance of every dimension over the first batch that is trained on, of all ranks together.

    Our own option (`standardize`): the dimensions of frozen encoders differ by orders of magnitude, and a connector that
    has minutes of speech to learn from spends them on undoing that. mean, scale: `(dim,)`, in checkpoints. What is known of
    a speaker may take the place of the mean; the variance is then that around the speakers' own means.
    """

    def __init__(self, dim):
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    def forward(self, x, lengths, speaker=None):
        """`(batch, frames, dim)`, int `(batch,)` and, or None, the means of their speakers `(batch, dim)` → the same as
        x, zero where padded."""
        inside = (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[:, :, None]
        mean = self.mean if speaker is None else speaker.to(x.dtype)[:, None]
        if self.training and not self.fitted:
            self._fit(x.detach().double(), inside, 0.0 if speaker is None else mean)
        return (x - mean) * self.scale * inside

    def _fit(self, x, inside, speaker):
        own = (x - speaker) * inside
        sums = torch.cat([(x * inside).sum((0, 1)), own.sum((0, 1)), own.square().sum((0, 1)), inside.sum()[None]])
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(sums)
        if not sums.isfinite().all():
            return  # the trainer skips this batch, and the next tells more
        mean, own, square = sums[:-1].view(3, -1) / sums[-1]
        self.mean.copy_(mean)
        self.scale.copy_((square - own.square()).clamp_min(1e-10).rsqrt())
        self.fitted.fill_(True)


class Subsampler(nn.Module):
    """Three causal convolutions (kernel 3, strides 1, 2, 2) with GELU: 50 Hz → 12.5 Hz."""

    strides = (1, 2, 2)

    def __init__(self, dim, out_dim):
        super().__init__()
        sizes = [dim, out_dim, out_dim, out_dim]
        self.convs = nn.ModuleList(
            nn.Conv1d(before, after, 3, stride) for before, after, stride in zip(sizes, sizes[1:], self.strides)
        )

    def forward(self, x, lengths):
        """`(batch, frames, dim)`, zero where padded, and int `(batch,)` → the same at a quarter of the rate. An
        utterance of n frames gives ceil(ceil(n / 2) / 2)."""
        x = x.transpose(1, 2)
        for conv in self.convs:
            x = F.gelu(conv(F.pad(x, (2, 0))))
            lengths = torch.div(lengths - 1, conv.stride[0], rounding_mode="floor") + 1
        return x.transpose(1, 2), lengths


class Connector(nn.Module):
    """Pre-norm transformer over [emotion tokens | speech frames], then a linear layer to the width of the LLM.

    dim: width; llm_dim: of the language model's embeddings; llm_std: their standard deviation, at which the output
    starts, so that the language model meets familiar magnitudes. The form is that of the paper's released model, so
    that its weights mean the same here (c2ser/checkpoints/c2ser_official.py): a normed linear layer in front, absolute
    sinusoidal positions added to the input times √dim, ReLU between the feed-forward layers, and dropout everywhere but
    on attention weights.
    """

    def __init__(self, llm_dim, llm_std, dim=1024, depth=4, heads=4, feedforward=2560, dropout=0.1):
        super().__init__()
        self.dim = dim
        self.embed = nn.Sequential(nn.Linear(dim, dim), nn.LayerNorm(dim), nn.Dropout(dropout))
        layer = nn.TransformerEncoderLayer(
            dim, heads, feedforward, dropout, activation="relu", batch_first=True, norm_first=True
        )
        layer.self_attn.dropout = 0.0
        self.layers = nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(dim), enable_nested_tensor=False)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(dim, llm_dim)
        nn.init.normal_(self.project.weight, std=llm_std * dim**-0.5)
        nn.init.zeros_(self.project.bias)

    def forward(self, x, lengths):
        """`(batch, length, dim)` and int `(batch,)` → `(batch, length, llm_dim)`; what lies beyond a length is void."""
        x = self.embed(x) * math.sqrt(self.dim)
        x = self.dropout(x + sinusoids(x.shape[1], self.dim, x.device, x.dtype))
        padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
        return self.project(self.layers(x, src_key_padding_mask=padding))


def sinusoids(length, dim, device, dtype):
    """Vaswani et al.'s position encoding, `(length, dim)`: sines at even places, cosines at odd ones; dim even."""
    position = torch.arange(length, device=device, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, dim, 2, device=device, dtype=torch.float32) * (-math.log(10000.0) / dim))
    return torch.stack([torch.sin(position * rate), torch.cos(position * rate)], dim=2).flatten(1).to(dtype)


def join_lengthwise(first, second, second_lengths):
    """Put the same number of vectors before every sequence of a batch.

    first: `(batch, count, dim)`; second: `(batch, length, dim)` with lengths int `(batch,)`. Returns
    `(batch, count + length, dim)` and the new lengths.
    """
    return torch.cat([first, second], dim=1), second_lengths + first.shape[1]

"""The emotion2vec backbone (data2vec 2.0 for audio): waveform → frames at 50 Hz and ten utterance tokens.

Ma et al., "emotion2vec" (2024); Baevski et al., "data2vec 2.0" (2022). Emotion2Vec-S keeps this network (C2SER paper,
section III-B); its training objective is in emotion2vec_s.py.
"""

import math
from dataclasses import dataclass, field, fields

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.errors import InputError
from c2ser.models.frontend import ConvFrontend


@dataclass
class Emotion2VecConfig:
    """Sizes of the network; the defaults are emotion2vec base."""

    conv_layers: list = field(default_factory=lambda: [(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] * 2)
    """(channels, kernel, stride) of the front end: 320 samples a frame."""
    dim: int = 768
    prenet_depth: int = 4
    depth: int = 8
    heads: int = 12
    mlp_ratio: float = 4.0
    extra_tokens: int = 10
    position_width: int = 95
    position_depth: int = 5
    position_groups: int = 16
    dropout: float = 0.1
    attention_dropout: float = 0.1
    layerdrop: float = 0.05
    norm_eps: float = 1e-5
    """Of the transformer's layer norms; those of the front end keep 1e-5."""
    normalise: bool = True
    """Layer-normalise the waveform first (the `normalize` of the checkpoint's task config)."""


def backbone_config(values):
    """A dict from a configuration file → Emotion2VecConfig. Raises InputError for an unknown key."""
    known = {field.name for field in fields(Emotion2VecConfig)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"backbone_conf: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    values = dict(values)
    if "conv_layers" in values:
        values["conv_layers"] = [tuple(layer) for layer in values["conv_layers"]]
    return Emotion2VecConfig(**values)


class Emotion2Vec(nn.Module):
    """Backbone. `forward` gives features; `embed` and `encode` are what pretraining puts masks between."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        channels = config.conv_layers[-1][0]
        self.frontend = ConvFrontend(config.conv_layers)
        self.project = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, config.dim))
        self.positions = ConvPositions(config.dim, config.position_width, config.position_depth, config.position_groups)
        self.extra_tokens = nn.Parameter(torch.zeros(1, config.extra_tokens, config.dim))
        self.alibi_scale = nn.Parameter(torch.ones(config.heads))
        self.prenet_norm = nn.LayerNorm(config.dim, eps=config.norm_eps)
        self.prenet = nn.ModuleList(Block(config) for _ in range(config.prenet_depth))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.register_buffer("slopes", torch.tensor(alibi_slopes(config.heads)), persistent=False)
        nn.init.normal_(self.extra_tokens, std=0.02)
        self.apply(initialise)

    def frame_lengths(self, lengths):
        """Samples → frames, int `(batch,)`."""
        for _, kernel, stride in self.config.conv_layers:
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        return lengths.clamp_min(0)

    def embed(self, speech, lengths):
        """Waveforms `(batch, samples)` with lengths `(batch,)` → local features `(batch, frames, dim)` and which of
        their frames are inside the utterance, bool `(batch, frames)`. Positions are not added yet."""
        if self.config.normalise:
            speech = normalise_waveform(speech, lengths)
        x = self.project(self.frontend(speech))
        inside = torch.arange(x.shape[1], device=x.device) < self.frame_lengths(lengths)[:, None]
        return x * inside[:, :, None], inside

    def encode(self, x, inside, index=None):
        """Run the transformer over frames whose positions are added.

        x: `(batch, frames, dim)`; inside: bool `(batch, frames)`; index: int `(batch, frames)`, each frame's place in
        the utterance (None: 0, 1, 2 …; given where masked frames were taken out). Returns frames `(batch, frames,
        dim)`, tokens `(batch, extra_tokens, dim)`, and for every block its feed-forward output `(batch, frames, dim)`,
        from which data2vec's targets are made.
        """
        batch, frames, _ = x.shape
        if index is None:
            index = torch.arange(frames, device=x.device).expand(batch, frames)
        extra = self.config.extra_tokens
        x = torch.cat([self.extra_tokens.expand(batch, -1, -1).to(x.dtype), x], dim=1)
        bias = self.attention_bias(index, inside)
        x = self.prenet_norm(x)
        x = F.dropout(x, self.config.dropout, self.training)
        targets = []
        for depth, block in enumerate([*self.prenet, *self.blocks]):
            if self.training and torch.rand(()) < self.config.layerdrop:
                continue
            x, target = block(x, bias)
            if depth >= len(self.prenet):
                targets.append(target[:, extra:])
        return x[:, extra:], x[:, :extra], targets

    def attention_bias(self, index, inside):
        """ALiBi with learned scale, −∞ at padding: `(batch, heads, tokens + frames, tokens + frames)`.

        The extra tokens have no place, hence no bias to or from them.
        """
        extra = self.config.extra_tokens
        distance = (index[:, :, None] - index[:, None, :]).abs()
        slopes = self.slopes * self.alibi_scale.clamp_min(0)
        bias = F.pad(-distance[:, None] * slopes[:, None, None], (extra, 0, extra, 0))
        keys = F.pad(inside, (extra, 0), value=True)
        return bias.masked_fill(~keys[:, None, None, :], float("-inf"))

    def forward(self, speech, lengths):
        """Features of whole utterances.

        speech: float `(batch, samples)` at 16 kHz; lengths: int `(batch,)`. Returns frames `(batch, frames, dim)`,
        tokens `(batch, extra_tokens, dim)` and the numbers of frames, int `(batch,)`.
        """
        x, inside = self.embed(speech, lengths)
        x = x + self.positions(x, inside)
        frames, tokens, _ = self.encode(x, inside)
        return frames * inside[:, :, None], tokens, inside.sum(1)


class ConvPositions(nn.Module):
    """Relative positions from stacked grouped convolutions, each with a layer norm without parameters and GELU."""

    def __init__(self, dim, width, depth, groups):
        super().__init__()
        kernel = max(3, width // depth)
        self.trim = 1 - kernel % 2
        convs = (nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=groups) for _ in range(depth))
        self.convs = nn.ModuleList(convs)

    def forward(self, x, inside):
        """`(batch, frames, dim)` → the same; `inside` bool `(batch, frames)`: padding is kept at zero throughout, so
        that an utterance's last frames do not depend on what it is batched with."""
        for conv in self.convs:
            x = conv((x * inside[:, :, None]).transpose(1, 2)).transpose(1, 2)
            x = x[:, : x.shape[1] - self.trim]
            x = F.gelu(F.layer_norm(x, x.shape[-1:]))
        return x


class Block(nn.Module):
    """Post-norm transformer block."""

    def __init__(self, config):
        super().__init__()
        self.heads, self.dropout, self.attention_dropout = config.heads, config.dropout, config.attention_dropout
        self.qkv = nn.Linear(config.dim, 3 * config.dim)
        self.out = nn.Linear(config.dim, config.dim)
        self.norm1, self.norm2 = (nn.LayerNorm(config.dim, eps=config.norm_eps) for _ in range(2))
        hidden = int(config.dim * config.mlp_ratio)
        self.mlp = nn.Sequential(nn.Linear(config.dim, hidden), nn.GELU(), nn.Linear(hidden, config.dim))

    def forward(self, x, bias):
        """x: `(batch, length, dim)`; bias: additive `(batch, heads, length, length)`. Returns the block's output and
        its feed-forward output before the residual, both like x."""
        batch, length, dim = x.shape
        query, key, value = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        dropout = self.attention_dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype), dropout_p=dropout)
        x = x + F.dropout(self.out(mixed.transpose(1, 2).reshape(batch, length, dim)), self.dropout, self.training)
        x = self.norm1(x)
        forward = self.mlp(x)
        return self.norm2(x + F.dropout(forward, self.dropout, self.training)), forward


def normalise_waveform(speech, lengths):
    """Zero mean, unit variance over each utterance's own samples: `(batch, samples)`, padding set to zero."""
    inside = torch.arange(speech.shape[1], device=speech.device) < lengths[:, None]
    count = lengths[:, None].clamp_min(1)
    centred = (speech - (speech * inside).sum(1, keepdim=True) / count) * inside
    variance = (centred**2).sum(1, keepdim=True) / count
    return centred / torch.sqrt(variance + 1e-5)


def alibi_slopes(heads):
    """One slope a head (Press et al., 2022): a geometric series, filled from the next power of two where needed."""

    def series(count):
        start = 2.0 ** (-(2.0 ** -(math.log2(count) - 3)))
        return [start ** (power + 1) for power in range(count)]

    whole = 2 ** math.floor(math.log2(heads))
    return series(whole) + series(2 * whole)[0::2][: heads - whole]


def initialise(module):
    """BERT's initialisation, as data2vec uses: normal weights of deviation 0.02, zero biases."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv1d):
        nn.init.kaiming_normal_(module.weight)

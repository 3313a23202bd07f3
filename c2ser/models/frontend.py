"""The convolutional front end of emotion2vec: waveform → local features at 50 Hz (Baevski et al., wav2vec 2.0, 2020).

Activations lie as `(batch, time, channels)` throughout: the layer norms over channels and the GELUs then run over
contiguous memory, and nothing is transposed. torch's own layout of a 1-D convolution, `(batch, channels, time)`, makes
every layer copy its input and its output.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable

SLAB_FRAMES = 64
"""Frames that the front end computes at once on a CPU thread: larger activations fall out of its cache."""


class ConvFrontend(nn.Module):
    """Seven convolutions without bias, each followed by a layer norm over channels and GELU.

    layers: (channels, kernel, stride) of each. `reach` samples are heard by a frame, `stride` lie between two frames.
    """

    def __init__(self, layers):
        super().__init__()
        self.convs, self.norms, previous = nn.ModuleList(), nn.ModuleList(), 1
        for channels, kernel, stride in layers:
            self.convs.append(nn.Conv1d(previous, channels, kernel, stride, bias=False))
            self.norms.append(nn.LayerNorm(channels))
            previous = channels
        self.stride, self.reach = 1, 1
        for _, kernel, stride in layers:
            self.reach += (kernel - 1) * self.stride
            self.stride *= stride

    def forward(self, speech):
        """float `(batch, samples)` → `(batch, frames, channels)` of the same dtype; in between, that of the weights, or
        autocast's, holds. Speech shorter than one frame (`reach` samples) is a RuntimeError, as for any convolution."""
        if speech.shape[1] < self.reach:
            raise RuntimeError(f"{speech.shape[1]} samples; the front end needs {self.reach} for a frame")
        run = self._run if speech.is_cuda or torch.is_grad_enabled() else self._run_in_slabs
        return run(speech).to(speech.dtype)

    def _run_in_slabs(self, speech):
        """What `_run` gives, a few frames of a few utterances at a time. A frame hears `reach` samples, so that
        neighbouring slabs share no more than `reach` - `stride` of them."""
        frames = (speech.shape[1] - self.reach) // self.stride + 1
        budget = SLAB_FRAMES * torch.get_num_threads()
        wide = min(frames, budget)
        made = [
            torch.cat(
                [
                    self._run(rows[:, first * self.stride : (min(first + wide, frames) - 1) * self.stride + self.reach])
                    for first in range(0, frames, wide)
                ],
                dim=1,
            )
            for rows in speech.split(max(1, budget // wide))
        ]
        return torch.cat(made)

    def _run(self, speech):
        first, *others = self.convs
        kernel = first.weight.shape[2]
        x = F.linear(speech.to(first.weight.dtype).unfold(1, kernel, first.stride[0]), first.weight[:, 0])
        x = F.gelu(self.norms[0](x))
        for conv, norm in zip(others, self.norms[1:]):
            x = F.gelu(norm(strided_conv(x, conv.weight, conv.stride[0])))
        return x


def strided_conv(x, weight, stride):
    """A convolution over time without padding: `(batch, time, channels)`, `(out, channels, kernel)` → `(batch, frames,
    out)`, frames = ⌊(time - kernel) / stride⌋ + 1. Differentiable once on a CPU; under autocast, in its dtype."""
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight = x.to(dtype), weight.to(dtype)
    if x.is_cuda or not torch.is_grad_enabled():
        return _channels_last(x, weight, stride)
    return _StridedConv.apply(x, weight, stride)


def _channels_last(x, weight, stride):
    # a picture one pixel high, stored channels last, is what `(batch, time, channels)` already is in memory
    made = F.conv2d(_picture(x), weight[:, :, None], stride=(1, stride))
    return made.permute(0, 2, 3, 1)[:, 0]


def _picture(x):
    batch, time, channels = x.shape
    return x.reshape(batch, 1, time, channels).permute(0, 3, 1, 2)


class _StridedConv(torch.autograd.Function):
    """`_channels_last` on a CPU with a weight gradient from matrix products: oneDNN's own for channels last takes five
    times the time of the forward pass where there are many frames."""

    @staticmethod
    def forward(ctx, x, weight, stride):
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return _channels_last(x, weight, stride)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        grad = grad.contiguous()
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            steps, zeros, ones = [1, ctx.stride], [0, 0], [1, 1]
            made = torch.ops.aten.convolution_backward(
                _picture(grad), _picture(x), weight[:, :, None], None, steps, zeros, ones, False, zeros, 1,
                [True, False, False],
            )[0]  # fmt: skip
            grad_x = made.permute(0, 2, 3, 1)[:, 0]
        if ctx.needs_input_grad[1]:
            grad_weight = _weight_gradient(x.contiguous(), grad, weight.shape[2], ctx.stride)
        return grad_x, grad_weight, None


def _weight_gradient(x, grad, kernel, stride):
    """`(batch, time, channels)`, `(batch, frames, out)` → `(out, channels, kernel)`: for every run of up to `stride`
    taps a product with a view of x that has the frames as rows, so that nothing is copied."""
    channels, (frames, out) = x.shape[2], grad.shape[1:]
    gradients = []
    for tap in range(0, kernel, stride):
        taps = min(stride, kernel - tap)
        total = grad.new_zeros(out, taps * channels)
        for one, one_grad in zip(x, grad):
            heard = one.as_strided(
                (frames, taps * channels), (stride * channels, 1), one.storage_offset() + tap * channels
            )
            total.addmm_(one_grad.T, heard)
        gradients.append(total.view(out, taps, channels))
    return torch.cat(gradients, dim=1).transpose(1, 2)

"""Frozen networks made fast: matrix products through oneDNN on packed weights, in float32 or bfloat16.

torch's float32 `linear` calls MKL, which leaves half of the AVX-512 of a processor not made by Intel unused; oneDNN
does not. There is no 8-bit kind on purpose: torch's dynamic quantisation takes one scale for a whole batch, so that an
utterance's features would depend on what it is batched with.
"""

import contextlib
import platform

import torch
from torch import nn

from c2ser.errors import InputError
from c2ser.models.frontend import ConvFrontend
from c2ser.precision import bfloat16_instructions, check_device

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""Of matrix products and convolutions. Sums, norms, softmax and what runs between the blocks stay float32."""


def freeze(model, device="cpu", precision="fp32"):
    """Make a model ready for inference, in place: evaluation mode, no gradients, on its device, and fast there.

    On a CPU its linear layers are packed, after which its state dict has no weights for them. Returns a function that
    gives the context manager to run the model in. Raises InputError for an unknown precision or an absent device.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r}: expected one of {', '.join(PRECISIONS)}")
    check_device(device)
    device = torch.device(device)
    model.eval().requires_grad_(False).to(device)
    if device.type == "cpu" and can_pack(PRECISIONS[precision]):
        pack(model, PRECISIONS[precision])
        return contextlib.nullcontext
    if precision == "bf16":
        return lambda: torch.autocast(device.type, torch.bfloat16)
    # the default of cuDNN is TensorFloat-32, whose products have three digits
    return lambda: torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def can_pack(dtype):
    """Whether this machine's torch has oneDNN's packed linear layers, and instructions for that dtype."""
    if platform.machine().lower() not in ("x86_64", "amd64") or not torch.backends.mkldnn.is_available():
        return False
    ops = torch.ops.mkldnn
    if not (hasattr(ops, "_linear_pointwise") and hasattr(ops, "_reorder_linear_weight")):
        return False
    return dtype == torch.float32 or bfloat16_instructions("cpu")[0]


def pack(model, dtype):
    """Replace every linear layer of a frozen model on a CPU by a `PackedLinear` of that dtype, a GELU after one in a
    Sequential included, and convert convolutional front ends."""
    for name, child in list(model.named_children()):
        if isinstance(child, nn.Linear):
            setattr(model, name, PackedLinear(child, dtype))
        elif isinstance(child, ConvFrontend):
            child.to(dtype)
        else:
            pack(child, dtype)
    if isinstance(model, nn.Sequential):
        for index in range(len(model) - 1):
            linear, activation = model[index], model[index + 1]
            exact = isinstance(activation, nn.GELU) and activation.approximate == "none"
            if isinstance(linear, PackedLinear) and exact:
                linear.activation, model[index + 1] = "gelu", nn.Identity()


class PackedLinear(nn.Module):
    """A frozen linear layer: float `(…, in)` → `(…, out)` of its input's dtype; the product is taken in `dtype`."""

    def __init__(self, linear, dtype):
        super().__init__()
        self.dtype, self.activation = dtype, "none"
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().to(dtype).contiguous())
        self.bias = None if linear.bias is None else linear.bias.detach().to(dtype)

    @torch.no_grad()
    def forward(self, x):
        algorithm = "none" if self.activation == "gelu" else ""  # of the GELU: by the error function, not by tanh
        product = torch.ops.mkldnn._linear_pointwise(
            x.to(self.dtype), self.weight, self.bias, self.activation, [], algorithm
        )
        return product.to(x.dtype)

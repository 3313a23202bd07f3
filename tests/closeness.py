"""Are two floats the same but for rounding?

Whoever sums in another order rounds otherwise, and the order is not ours to choose: it changes with the batch, the
number of threads, the instructions of the processor and the address at which a weight lies. So what is computed twice
is equal within a bound alone; what is copied, saved or read back is equal to the bit. Integers and labels are equal.

After n terms a value is off by about √n · eps of the largest on its way (N. Higham and T. Mary, A new approach to
probabilistic rounding error analysis, SIAM J. Sci. Comput. 41, 2019); norms and divisions on the way enlarge that.
"""

import numpy as np
import pytest
import torch

FORMULA = 64
"""Terms in a loss or a mean by hand: a batch of few, a width of 16 to 32."""
NETWORK = 1000
"""Terms one after another from samples to an answer of the models in tests/builders.py: 266 in the seven convolutions,
112 up to the blocks, about 200 in each of three of them and 150 in each layer of the language model."""
MARGIN = 8


def bound(found, wanted, terms=NETWORK, scale=None):
    """How far apart two results of `terms` summed terms may lie; `scale` is the largest on the way, else in `wanted`.

    Numbers that are no tensors count as float32, of which most of them were made. Integers do not round: 0.
    """
    kinds = [value.dtype for value in map(tensor, (found, wanted)) if value.is_floating_point()]
    scale = float(tensor(wanted).double().abs().max()) if scale is None else scale
    return MARGIN * terms**0.5 * max((torch.finfo(kind).eps for kind in kinds), default=0.0) * scale


def tensor(values):
    """Tensors as they are, arrays of NumPy likewise; a number, a list or a dict's values as float32."""
    if isinstance(values, (torch.Tensor, np.ndarray)):
        return torch.as_tensor(values)
    return torch.tensor(list(values.values()) if isinstance(values, dict) else values, dtype=torch.float32)


def assert_rounds_alike(found, wanted, terms=NETWORK, scale=None):
    """Raises AssertionError unless two tensors or arrays of one shape are equal but for rounding."""
    tolerance = bound(found, wanted, terms, scale)
    torch.testing.assert_close(tensor(found).double(), tensor(wanted).double(), atol=tolerance, rtol=0)


def nearly(wanted, terms=NETWORK, scale=None):
    """What equals a number, a list or a dict of numbers but for rounding in float32: `assert x == nearly(wanted)`."""
    return pytest.approx(wanted, abs=bound(wanted, wanted, terms, scale), rel=0)

"""The convolutional front end against plain 1-D convolutions: values, gradients, slabs, kinds of numbers."""

import pytest
import torch
import torch.nn.functional as F

from c2ser.models import frontend
from c2ser.models.frontend import ConvFrontend, strided_conv
from tests.builders import CONV_LAYERS, randomise
from tests.closeness import assert_rounds_alike

UNUSUAL = [[8, 7, 3], [12, 5, 2], [8, 4, 4], [8, 3, 1], [8, 1, 2]]
"""Kernels that are no multiple of their stride, below it, and of stride 1."""


def make(layers=CONV_LAYERS):
    return randomise(ConvFrontend(layers))


def plain(model, speech):
    """The definition: convolve, norm over channels, GELU."""
    x = speech[:, None]
    for conv, norm in zip(model.convs, model.norms):
        x = F.gelu(norm(conv(x).transpose(1, 2))).transpose(1, 2)
    return x.transpose(1, 2)


@pytest.mark.parametrize("layers", [CONV_LAYERS, UNUSUAL])
@pytest.mark.parametrize("grad", [True, False])
def test_it_is_the_plain_convolutions(layers, grad):
    model, speech = make(layers), torch.randn(3, 5003)
    with torch.set_grad_enabled(grad):
        made = model(speech)
    with torch.no_grad():
        assert_rounds_alike(made.detach(), plain(model, speech))
    assert made.requires_grad == grad and made.is_contiguous()


@pytest.mark.parametrize("layers", [CONV_LAYERS, UNUSUAL])
def test_gradients_are_those_of_the_plain_convolutions(layers):
    model, speech = make(layers).double(), torch.randn(2, 3003, dtype=torch.float64, requires_grad=True)
    leaves = [speech, *model.parameters()]
    weights = torch.randn_like(model(speech))
    made, wanted = (
        torch.autograd.grad((output * weights).sum(), leaves) for output in (model(speech), plain(model, speech))
    )
    for one, other in zip(made, wanted):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 2), (5, 2), (3, 1), (1, 2)])
def test_gradients_of_one_convolution(kernel, stride):
    torch.manual_seed(0)
    x = torch.randn(2, 11, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 3, kernel, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(strided_conv, (x, weight, stride))


@torch.no_grad()
@pytest.mark.parametrize("slab", [1, 3, 1000])
def test_slabs_change_nothing(monkeypatch, slab):
    model, speech = make(), torch.randn(5, 16123)
    with torch.enable_grad():
        whole = model(speech).detach()
    monkeypatch.setattr(frontend, "SLAB_FRAMES", slab)
    assert_rounds_alike(model(speech), whole)


def test_slabs_stay_small(monkeypatch):
    """Not a frame is computed twice but where a slab ends, and no slab is larger than it may be."""
    model, heard = make(), []
    monkeypatch.setattr(frontend, "SLAB_FRAMES", 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(model, "_run", lambda speech: heard.append(speech) or torch.zeros(len(speech), 1, 1))
    with torch.no_grad():
        model(torch.randn(3, 320 * 19 + 80))
        assert [tuple(part.shape) for part in heard] == [(1, 320 * 8 + 80), (1, 320 * 8 + 80), (1, 320 * 3 + 80)] * 3
        heard.clear()
        model(torch.randn(10, 320 * 3 + 80))
        assert [len(part) for part in heard] == [2, 2, 2, 2, 2]


def test_reach_and_stride():
    assert (make().reach, make().stride) == (400, 320)
    assert make()(torch.randn(1, 400)).shape == (1, 1, 16) and make()(torch.randn(1, 719)).shape == (1, 1, 16)
    for grad in (True, False):
        with torch.set_grad_enabled(grad), pytest.raises(RuntimeError, match="399 samples; the front end needs 400"):
            make()(torch.randn(1, 399))


def test_names_are_those_of_checkpoints():
    kinds = ("convs.{}.weight", "norms.{}.weight", "norms.{}.bias")
    assert set(make().state_dict()) == {kind.format(layer) for kind in kinds for layer in range(7)}
    assert [tuple(conv.weight.shape) for conv in make().convs][:2] == [(16, 1, 10), (16, 16, 3)]


@pytest.mark.parametrize("grad", [True, False])
def test_under_autocast_and_in_bfloat16(grad):
    model, speech = make(), torch.randn(2, 3003)
    with torch.set_grad_enabled(grad):
        wanted = model(speech)
        with torch.autocast("cpu", torch.bfloat16):
            made = model(speech)
        lowered = make().bfloat16()(speech)
    for other in (made, lowered):
        assert other.dtype == torch.float32 and 0 < (other - wanted).std() < 0.02 * wanted.std()
    if grad:
        made.square().mean().backward()
        assert all(weight.grad.dtype == torch.float32 and weight.grad.any() for weight in model.parameters())

"""Frozen networks on packed weights: what they give, in which dtype, and where they do not apply."""

import copy

import pytest
import torch
from torch import nn

from c2ser.errors import InputError
from c2ser.models import packed
from c2ser.models.packed import PackedLinear, can_pack, freeze, pack
from tests.builders import backbone, waves
from tests.closeness import assert_rounds_alike

needs_onednn = pytest.mark.skipif(not can_pack(torch.float32), reason="torch without oneDNN's packed layers")
needs_bfloat16 = pytest.mark.skipif(not can_pack(torch.bfloat16), reason="no bfloat16 instructions for oneDNN")


def close(made, wanted, precision):
    if precision == "fp32":
        assert_rounds_alike(made, wanted)
    else:
        assert 0 < (made - wanted).std() < 0.02 * wanted.std()


@needs_onednn
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16", marks=needs_bfloat16)])
def test_a_packed_layer_is_the_layer(precision, bias):
    linear = nn.Linear(24, 40, bias=bias).requires_grad_(False)
    made = PackedLinear(linear, packed.PRECISIONS[precision])
    for x in (torch.randn(3, 7, 24), torch.randn(24, 9).T, torch.randn(1, 24), torch.randn(2, 2, 3, 24)[:, 1]):
        assert made(x).dtype == torch.float32 and made(x).shape == linear(x).shape
        close(made(x), linear(x), precision)


@needs_onednn
def test_gelu_after_a_layer_is_packed_with_it():
    model = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8), nn.GELU("tanh"), nn.ReLU())
    model.requires_grad_(False)
    fast = copy.deepcopy(model)
    pack(fast, torch.float32)
    kinds = [type(layer) for layer in fast]
    assert kinds == [PackedLinear, nn.Identity, PackedLinear, nn.GELU, nn.ReLU]
    x = torch.randn(50, 8) * 3
    assert_rounds_alike(fast(x), model(x))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("packs", [True, False])
def test_a_frozen_backbone_gives_what_it_gave(monkeypatch, precision, packs):
    if not packs:
        monkeypatch.setattr(packed, "can_pack", lambda dtype: False)
    model, (speech, lengths) = backbone(), waves([4000, 9000])
    with torch.no_grad():
        wanted = model(speech, lengths)
    run = freeze(model, "cpu", precision)
    with torch.no_grad(), run():
        made = model(speech, lengths)
    assert not model.training and not any(weight.requires_grad for weight in model.parameters())
    for one, other in zip(made[:2], wanted[:2]):
        close(one.float(), other, precision)
    packed_layers = sum(isinstance(module, PackedLinear) for module in model.modules())
    assert packed_layers == (13 if packs and can_pack(packed.PRECISIONS[precision]) else 0)  # 4 a block, 1 before


def test_faults_are_named():
    with pytest.raises(InputError, match="precision 'int8': expected one of fp32, bf16"):
        freeze(nn.Linear(2, 2), precision="int8")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="device cuda: not to be had here"):
            freeze(nn.Linear(2, 2), "cuda")

"""What keeps a large language model small: a base in bfloat16, gradient checkpointing, frames without padding."""

import pytest
import torch

from c2ser.errors import InputError
from c2ser.models.language_model import causal_lm, load_language_model
from tests.builders import CONNECTOR
from tests.closeness import assert_rounds_alike, nearly

STILL = {"connector_conf": {**CONNECTOR, "dropout": 0.0}, "specaug": False}


def test_a_bfloat16_base_survives_the_cast_of_espnet(make_c2ser):
    model = make_c2ser(llm_conf={"rank": 2, "dtype": "bfloat16"})
    frozen = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert model.to(dtype=torch.float32, device="cpu") is model
    kinds = {name: weight.dtype for name, weight in model.named_parameters()}
    assert {kinds[name] for name in frozen} == {torch.bfloat16}
    assert {kinds[name] for name in kinds.keys() - frozen} == {torch.float32}
    assert all(weight.is_meta for weight in model.to("meta").parameters())  # what moves still moves


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_checkpointing_changes_memory_and_nothing_else(kind, make_c2ser, batch):
    made = []
    for checkpointing in (False, True):
        llm = {"train": kind, "rank": 2, "dropout": 0.0, "gradient_checkpointing": checkpointing}
        model = make_c2ser(llm_conf=llm, **STILL).train()
        passes = []
        block = causal_lm(model.llm).get_decoder().layers[0].mlp
        block.register_forward_pre_hook(lambda *_: passes.append(torch.is_grad_enabled()))
        loss = model(**batch)[0]
        loss.backward()
        assert len(passes) == 1 + checkpointing  # once more in the backward pass
        made.append((loss.item(), {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}))
        model.eval()(**batch)
    assert made[1][0] == nearly(made[0][0]) and made[0][1].keys() == made[1][1].keys()
    for name, gradient in made[0][1].items():
        assert_rounds_alike(made[1][1][name], gradient)


def test_checkpointing_has_no_cache_for_the_kl_term(make_c2ser):
    with pytest.raises(InputError, match="gradient_checkpointing keeps no cache, which model_conf: kl_weight needs"):
        make_c2ser(llm_conf={"gradient_checkpointing": True}, model_conf={"kl_weight": 1.0}, teacher_labels=["sad"])


def test_weights_go_straight_to_their_device(llm_dir):
    model = load_language_model(llm_dir, device="meta")
    assert all(weight.is_meta for weight in model.parameters() if not weight.requires_grad)


def test_kept_frames_hold_no_padding(make_c2ser, batch):
    model = make_c2ser(model_conf={"freeze_encoder": True, "keep_frames": True}, **STILL).train()
    model(**batch, utt_id=["a", "b", "c"])
    for frames in model.kept_frames.values():
        assert frames.untyped_storage().nbytes() == frames.numel() * frames.element_size()
    assert len({len(frames) for frames in model.kept_frames.values()}) == 3

"""The language model folder: tokenizer, prompts, what of it learns."""

import pytest
import torch

from c2ser.errors import InputError
from c2ser.models.language_model import (
    LORA_TARGETS,
    adapter_shapes,
    answer_ids,
    load_language_model,
    load_tokenizer,
    split_prompt,
    transcript_ids,
)
from tests.closeness import assert_rounds_alike

CHAT = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}[end]{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def trainable(model):
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


def test_lora_adapts_the_papers_layers_and_nothing_else(llm_dir):
    model = load_language_model(llm_dir, rank=3, alpha=12)
    adapted = {name.split(".")[-4] for name in trainable(model)}
    assert adapted == set(LORA_TARGETS) == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj"}
    assert all(".lora_A." in name or ".lora_B." in name for name in trainable(model))
    layer = model.get_base_model().model.layers[0].self_attn.q_proj
    assert layer.lora_A["default"].weight.shape == (3, 16) and layer.scaling["default"] == 4.0
    assert layer.lora_dropout["default"].p == 0.1


def test_lora_defaults_are_the_papers(llm_dir):
    layer = load_language_model(llm_dir).get_base_model().model.layers[1].mlp.down_proj
    assert layer.r["default"] == 8 and layer.lora_alpha["default"] == 32


def test_lora_of_other_layers(llm_dir):
    model = load_language_model(llm_dir, targets=["up_proj"], dropout=0.0)
    assert {name.split(".")[-4] for name in trainable(model)} == {"up_proj"}


def test_shapes_of_adapters_without_the_weights(llm_dir, tmp_path):
    targets = ("q_proj", "down_proj")
    width, shapes = adapter_shapes(llm_dir, 3, targets)
    model = load_language_model(llm_dir, rank=3, targets=targets)
    assert width == 16 == model.get_input_embeddings().embedding_dim
    assert shapes == {name: weight.shape for name, weight in model.named_parameters() if weight.requires_grad}
    with pytest.raises(InputError, match="LoRA finds nothing to adapt"):
        adapter_shapes(llm_dir, 3, ["c_attn"])
    with pytest.raises(InputError, match="no causal language model there"):
        adapter_shapes(tmp_path, 3, targets)


def test_full_and_frozen(llm_dir):
    full, frozen = load_language_model(llm_dir, train="full"), load_language_model(llm_dir, train="frozen")
    assert trainable(full) == {name for name, _ in full.named_parameters()} and trainable(frozen) == set()
    assert all(weight.dtype.is_floating_point and weight.element_size() == 4 for weight in full.parameters())


def test_faults_are_named(llm_dir, tmp_path):
    with pytest.raises(InputError, match="llm_conf: train: 'half': expected lora, full or frozen"):
        load_language_model(llm_dir, train="half")
    with pytest.raises(InputError, match="LoRA finds nothing to adapt.*llm_conf: targets"):
        load_language_model(llm_dir, targets=["c_attn"])
    for load in (load_tokenizer, load_language_model):
        with pytest.raises(InputError, match="(?s)nowhere.*stage 8"):
            load(str(tmp_path / "nowhere"))
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="(?s)empty.*stage 8"):
            load(tmp_path / "empty")


def test_tokenizer_gives_text_back(tokenizer):
    text = "Emotion: surprised."
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text and len(tokenizer) > 40


def test_plain_prompt_stands_before_the_speech(tokenizer):
    before, after = split_prompt(tokenizer, "Please describe the speech.", "plain")
    assert after == [] and tokenizer.decode(before) == "Please describe the speech."
    assert tokenizer.eos_token_id not in before


def test_chat_prompt_surrounds_the_speech(llm_dir):
    tokenizer = load_tokenizer(llm_dir)
    tokenizer.chat_template = CHAT
    before, after = split_prompt(tokenizer, "Please describe.", "chat")
    assert before == tokenizer("[user]Please describe.", add_special_tokens=False)["input_ids"] != []
    assert after == tokenizer("[end][assistant]", add_special_tokens=False)["input_ids"] != []


def test_prompt_styles_are_checked(tokenizer):
    with pytest.raises(InputError, match="prompt_style: 'loud': expected plain or chat"):
        split_prompt(tokenizer, "Please", "loud")
    with pytest.raises(InputError, match="no chat template; choose plain"):
        split_prompt(tokenizer, "Please", "chat")


def test_answer_ends_with_end_of_sequence(tokenizer):
    ids = answer_ids(tokenizer, "Emotion: happy.")
    assert ids[-1] == tokenizer.eos_token_id and ids.count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(ids[:-1]) == "Emotion: happy."
    assert tokenizer.bos_token_id not in ids
    assert answer_ids(tokenizer, "") == [tokenizer.eos_token_id]


def test_transcripts_have_no_ends_of_their_own(tokenizer):
    ids = transcript_ids(tokenizer, "Thank you.")
    assert tokenizer.decode(ids) == "Thank you."
    assert tokenizer.bos_token_id not in ids and tokenizer.eos_token_id not in ids
    assert transcript_ids(tokenizer, "") == []


def test_a_frozen_base_may_be_bfloat16_while_adapters_learn_in_float32(llm_dir):
    model = load_language_model(llm_dir, dtype="bfloat16")
    kinds = {weight.requires_grad: weight.dtype for weight in model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}


@pytest.mark.parametrize(
    "options", [{"dtype": "float16"}, {"dtype": "bfloat16", "train": "full"}, {"attention": "flash"}]
)
def test_unknown_dtype_or_attention_is_named(llm_dir, options):
    with pytest.raises(InputError, match="llm_conf: (dtype|attention): '"):
        load_language_model(llm_dir, **options)


def test_attention_does_not_change_what_is_computed(llm_dir):
    ids = torch.arange(12).view(2, 6)
    logits = [
        load_language_model(llm_dir, train="frozen", attention=attention)(ids).logits for attention in ("sdpa", "eager")
    ]
    assert_rounds_alike(*logits)

"""The language model, its tokenizer and its prompts."""

from pathlib import Path

import torch

from c2ser.errors import InputError
from c2ser.precision import choose

SPEECH_PLACE = "<|speech|>"
"""Stands in a prompt where the speech embeddings go; never seen by the model."""

SENTENCE = "The speaker talks fast, in a high voice. Emotion: angry."
"""What tells two readings of a tokenizer apart."""

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj")
"""Where the paper's released configuration puts LoRA (no up_proj)."""


def load_tokenizer(path):
    """Tokenizer of a local Hugging Face folder.

    Raises InputError where there is none, and for a SentencePiece model that transformers reads otherwise than
    sentencepiece: as byte pairs, which a unigram model is not.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no tokenizer there ({error}); stage 8 of the recipe prepares the folder") from None
    model = Path(path) / "tokenizer.model"
    if model.is_file() and not (Path(path) / "tokenizer.json").is_file():
        import sentencepiece

        try:
            own = sentencepiece.SentencePieceProcessor(model_file=str(model)).encode(SENTENCE)
        except RuntimeError:  # not SentencePiece's: tiktoken's has that name, too
            return tokenizer
        if tokenizer(SENTENCE, add_special_tokens=False)["input_ids"] != own:
            raise InputError(
                f"{model}: transformers reads this SentencePiece model otherwise than sentencepiece does, so the language "
                "model would be given tokens that it has not learned; add the tokenizer.json that belongs to it"
            )
    return tokenizer


def load_language_model(
    path, train="lora", rank=8, alpha=32, dropout=0.1, targets=LORA_TARGETS, dtype="float32", attention="sdpa",
    gradient_checkpointing=False, device="cpu",
):  # fmt: skip
    """A causal LM of a local Hugging Face folder, prepared for training.

    train: "lora" (the base is frozen, adapters learn), "full", or "frozen". rank, alpha, dropout, targets: of LoRA.
    dtype: of a frozen base, one of `c2ser.precision.CHOICES`; what learns is in float32. attention: "sdpa" (fused), or "eager".
    gradient_checkpointing: in training, keep the input of each block only and run it again in the backward pass, which
    takes much less memory and a third more time. device: where the weights are put as they are read, so that processes
    that load at once need no copy in main memory.
    Raises InputError where the folder holds no causal LM, or none of the target modules.
    """
    if train == "full" and dtype != "float32":
        raise InputError(f"llm_conf: dtype: {dtype!r}: what learns is in float32; only a frozen base may be in bfloat16")
    dtype = choose(dtype, device, "llm_conf: dtype")
    if attention not in ("sdpa", "eager"):
        raise InputError(f"llm_conf: attention: {attention!r}: expected sdpa or eager")
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(
            path, local_files_only=True, dtype=getattr(torch, dtype), attn_implementation=attention,
            device_map=None if device == "cpu" else {"": device},
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no causal language model there ({error}); stage 8 prepares the folder") from None
    if gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if train == "full":
        return model
    model.requires_grad_(False)
    if train == "frozen":
        return model
    if train != "lora":
        raise InputError(f"llm_conf: train: {train!r}: expected lora, full or frozen")
    return with_adapters(model, path, rank, targets, alpha, dropout)


def adapter_shapes(path, rank, targets):
    """What LoRA would add to the language model of a folder, without loading its weights.

    Returns the width of its embeddings and name (as in `load_language_model`'s model) → shape of every adapter weight.
    Raises InputError as `load_language_model` does.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no causal language model there ({error}); stage 8 prepares the folder") from None
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        width = model.get_input_embeddings().embedding_dim
        model = with_adapters(model, path, rank, targets)
    return width, {name: weight.shape for name, weight in model.named_parameters() if ".lora_" in name}


def with_adapters(model, path, rank, targets, alpha=32, dropout=0.1):
    """A language model, read from `path`, with LoRA. Raises InputError where it has none of the target modules."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=list(targets), task_type="CAUSAL_LM"
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise InputError(f"{path}: LoRA finds nothing to adapt: {error}; set llm_conf: targets") from None


def split_prompt(tokenizer, prompt, style):
    """Token ids before and after the speech.

    style: "plain" — the prompt, then the speech, then the answer; "chat" — the tokenizer's chat template around a user
    turn of prompt and speech. Returns two lists of ids. Raises InputError for a tokenizer without a chat template.
    """
    if style == "plain":
        return tokenizer(prompt)["input_ids"], []
    if style != "chat":
        raise InputError(f"prompt_style: {style!r}: expected plain or chat")
    if not tokenizer.chat_template:
        raise InputError("prompt_style: chat, but the tokenizer has no chat template; choose plain")
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt + SPEECH_PLACE}], tokenize=False, add_generation_prompt=True
    )
    before, after = text.split(SPEECH_PLACE)
    return [tokenizer(part, add_special_tokens=False)["input_ids"] for part in (before, after)]


def answer_ids(tokenizer, text):
    """Token ids of an answer, ended by the end-of-sequence token."""
    return tokenizer(text, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]


def transcript_ids(tokenizer, text):
    """Token ids of a transcript, as the text-only ablation reads it in the place of the speech."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]

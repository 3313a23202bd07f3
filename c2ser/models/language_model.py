"""The language model, its tokenizer and its prompts."""

import copy
from inspect import signature
from pathlib import Path

import torch
import yaml

from c2ser.encodings import read_text
from c2ser.errors import InputError, brief
from c2ser.jsonfile import parse_json
from c2ser.transcript import spoken

SPEECH_PLACE = "<|speech|>"
"""Stands in a prompt where the speech embeddings go; never seen by the model."""

REFUSED = {
    "bamba": "it counts positions after its cache from zero again",
    "bloom": "where a batch is padded, its scores are no numbers",
    "gemma4": "it needs the tokens' ids beside their embeddings, and speech has none",
    "gemma4_text": "it needs the tokens' ids beside their embeddings, and speech has none",
    "minimax": "its cache cannot be shared by several answers, and its answers depend on what they are batched with",
    "nemotron_h": "a token after its cache is not given what a whole pass gives it",
    "recurrent_gemma": "it hands out no cache, which scoring the classes' answers goes on from",
    "zamba2": "a token after its cache is not given what a whole pass gives it",
}
"""Families that transformers 5.17 has a causal LM of, and why they cannot be used here (docs/language_models.md)."""

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj")
"""Where the paper's released configuration puts LoRA (no up_proj)."""


MARKS = yaml.safe_load(read_text(Path(__file__).with_name("chat_marks.yaml")))
"""What ends turns in chat templates, and what opens and closes blocks of thinking aloud."""


LOCAL = {"local_files_only": True, "trust_remote_code": False}
"""What every `from_pretrained` is told: to fetch nothing, and to run nothing that lies in the folder, without asking."""


def why(error):
    """What transformers says in an exception, `brief`, but for its advice how to run what a folder holds."""
    said = str(error)
    if "weights_only" in said or "trust_remote_code" in said:
        return "a pickle, or custom code, lies in it, which is not run; ask its authors for safetensors and a plain model"
    return brief(said or repr(error))


def check_folder(path):
    """Raise InputError for an adapter, which would have another model looked up, and modules imported, by name."""
    if (Path(path) / "adapter_config.json").exists():
        raise InputError(f"{path}: holds an adapter, no whole model; merge it into its model first (peft: merge_and_unload)")


def load_tokenizer(path, answers=True):
    """Tokenizer of a local Hugging Face folder.

    answers: whether it has to end answers; then, without an end-of-sequence token of its own, it gets the one that the
    model's configuration or its chat template names.
    Raises InputError where there is none, for a SentencePiece model that transformers reads otherwise than
    sentencepiece: as byte pairs, which a unigram model is not; and where answers have no end, or one that the model has
    no embedding of.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **LOCAL)
    except Exception as error:  # transformers raises whatever its parsers meet
        what = why(error) if Path(path).is_dir() else "no such folder"
        raise InputError(f"{path}: no tokenizer there ({what}); stage 8 of the recipe prepares the folder") from None
    pieces = Path(path) / "tokenizer.model"
    made = type(getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None)).__name__
    if made == "BPE" and not (pieces.parent / "tokenizer.json").is_file() and is_unigram(pieces):
        raise InputError(
            f"{pieces}: a SentencePiece unigram model, which transformers reads as a BPE: it would give other ids than the "
            "model was trained with; add the tokenizer.json that belongs to it"
        )
    if answers:
        find_end(tokenizer, Path(path))
    return tokenizer


def find_end(tokenizer, folder):
    """Give a tokenizer its end-of-sequence token where it names none. Raises InputError as `load_tokenizer` does."""
    files = [file for name in ("generation_config", "config") if (file := folder / f"{name}.json").is_file()]
    try:
        configs = [parse_json(read_text(file)) for file in files]
    except ValueError as error:
        raise InputError(f"{folder}: its config.json or generation_config.json is not JSON ({error}); fetch it again") from None
    if tokenizer.eos_token_id is None:
        named = [one.get("eos_token_id") for one in configs]
        ids = [number for one in named for number in (one if isinstance(one, list) else [one])]
        ids = [number for number in ids if isinstance(number, int) and number >= 0]
        tokens = [*tokenizer.convert_ids_to_tokens(ids), *(end for end in MARKS["ends"] if end in str(tokenizer.chat_template))]
        known = tokenizer.get_vocab()
        end = next((token for token in tokens if token in known), None)
        if end is None:
            raise InputError(
                f"{folder}: its tokenizer has no end-of-sequence token, so an answer would have no end; name one of its "
                "tokens as eos_token in tokenizer_config.json"
            )
        tokenizer.eos_token = end
    sizes = [(one.get("text_config") or one).get("vocab_size") for one in configs]
    size = next((one for one in sizes if one), tokenizer.eos_token_id + 1)
    if tokenizer.eos_token_id >= size:
        raise InputError(
            f"{folder}: its tokenizer's end-of-sequence token {tokenizer.eos_token!r} is number {tokenizer.eos_token_id}, "
            f"but the model has {size} embeddings; tokenizer and model do not belong together"
        )


def is_unigram(path):
    """Whether a file is a SentencePiece model of unigram pieces; False where it is something else, or not there."""
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except (OSError, DecodeError):
        return False
    return len(model.pieces) > 0 and model.trainer_spec.model_type == model.trainer_spec.UNIGRAM


def load_language_model(
    path, train="lora", rank=8, alpha=32, dropout=0.1, targets=LORA_TARGETS, dtype="float32", attention="sdpa",
    gradient_checkpointing=False, device="cpu",
):  # fmt: skip
    """A causal LM of a local Hugging Face folder, prepared for training.

    train: "lora" (the base is frozen, adapters learn), "full", or "frozen". rank, alpha, dropout, targets: of LoRA.
    dtype: of a frozen base, "float32" or "bfloat16"; what learns is in float32. attention: "sdpa" (fused), or "eager".
    gradient_checkpointing: in training, keep the input of each block only and run it again in the backward pass, which
    takes much less memory and a third more time. device: where the weights are put as they are read, so that processes
    that load at once need no copy in main memory.
    Raises InputError where the folder holds no causal LM, or none of the target modules.
    """
    if dtype not in ("float32", "bfloat16") or (train == "full" and dtype != "float32"):
        raise InputError(f"llm_conf: dtype: {dtype!r}: expected float32, or of a frozen base bfloat16 or auto")
    if attention not in ("sdpa", "eager"):
        raise InputError(f"llm_conf: attention: {attention!r}: expected sdpa or eager")
    from transformers import AutoModelForCausalLM

    check_family(path)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            path, **LOCAL, dtype=getattr(torch, dtype), attn_implementation=attention,
            device_map=None if device == "cpu" else {"": device},
        )  # fmt: skip
    except Exception as error:  # transformers raises whatever its parsers meet
        what = why(error) if Path(path).is_dir() else "no such folder"
        raise InputError(f"{path}: no causal language model there ({what}); stage 8 prepares the folder") from None
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


def check_family(path):
    """The configuration of a language model's folder. Raises InputError, naming the family, where there is none or one
    of a family that cannot be used here: it could be trained, and fail when its answers are wanted."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    check_folder(path)
    try:
        config = AutoConfig.from_pretrained(path, **LOCAL)
    except Exception as error:  # transformers raises whatever its parsers meet
        what = why(error) if Path(path).is_dir() else "no such folder"
        raise InputError(f"{path}: no causal language model there ({what}); stage 8 prepares the folder") from None
    kind, reason = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None), REFUSED.get(config.model_type)
    if kind is not None and not {"inputs_embeds", "past_key_values"} <= set(signature(kind.forward).parameters):
        reason = "it takes no embeddings, or keeps no cache, as language models of attention do"
    if reason:
        raise InputError(f"{path}: {config.model_type} cannot be used: {reason}; docs/language_models.md lists what can")
    return config


def keeps_states(path):
    """Whether a folder's language model has layers of linear attention: their states are changed in place, so that
    nothing can be learnt through a cache, and take in what pads a batch at the right."""
    from transformers import DynamicCache
    from transformers.cache_utils import LinearAttentionCacheLayerMixin

    layers = DynamicCache(config=check_family(path)).layers
    return any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers)


def causal_lm(llm):
    """The Hugging Face model itself, its adapters included: without peft's wrapper, where there is one."""
    return llm.get_base_model() if hasattr(llm, "get_base_model") else llm


def on_the_same_base(llm):
    """A second language model with adapters of its own, whose other weights are those of `llm`, not copies of them."""
    shared = {id(weight): weight for name, weight in llm.named_parameters() if ".lora_" not in name}
    made = copy.deepcopy(llm, shared)
    for name, weight in made.named_parameters():  # a checkpoint must bring them
        weight.requires_grad_(".lora_" in name)
    return made


def embedding_deviation(embeddings):
    """Standard deviation of what an embedding layer gives, which in some families is not that of its weights: Gemma's
    multiplies them by the root of their width."""
    weight = embeddings.weight.detach()
    few = torch.arange(min(64, len(weight)), device=weight.device)
    return float(weight.std() * embeddings(few).detach().std() / weight[few].std())


def adapter_shapes(path, rank, targets):
    """What LoRA would add to the language model of a folder, without loading its weights.

    Returns the width of its embeddings and name (as in `load_language_model`'s model) → shape of every adapter weight.
    Raises InputError as `load_language_model` does.
    """
    from transformers import AutoModelForCausalLM

    config = check_family(path)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
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
    parts = chat_text(tokenizer, prompt + SPEECH_PLACE).split(SPEECH_PLACE)
    if len(parts) != 2:
        raise InputError("prompt_style: chat, but the chat template does not hold what the user says once; choose plain")
    return [tokenizer(part, add_special_tokens=False)["input_ids"] for part in parts]


def chat_text(tokenizer, content):
    """A user's turn in the tokenizer's chat template, up to where the answer begins: outside any block of thinking, to
    which templates are told by whichever of their switches they know, and which is closed where they open it all the
    same. Raises InputError for a template that does not take one turn of a user."""
    try:
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True,
            enable_thinking=False, thinking=False, reasoning=False,
        )  # fmt: skip
    except Exception as error:  # a template may fail in any way, also by asking for what its sandbox does not have
        what = f"the tokenizer's chat template does not take one turn of a user ({brief(error)})"
        raise InputError(f"{what}; choose plain") from None
    tail = text.rpartition(content.strip())[2]
    for opening, closing in MARKS["thoughts"].items():
        if tail.rfind(opening) > tail.rfind(closing):
            text = f"{text.rstrip()}\n\n{closing}\n\n"
    return text


def answer_ids(tokenizer, text):
    """Token ids of an answer, ended by the end-of-sequence token."""
    return tokenizer(text, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]


def transcript_ids(tokenizer, text):
    """Token ids of a transcript's words, as the text-only ablation reads them in the place of the speech."""
    return tokenizer(spoken(text), add_special_tokens=False)["input_ids"]

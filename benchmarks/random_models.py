"""C2SER models of several sizes with random weights, made where they will run: what two benchmarks share."""

import argparse
from pathlib import Path

SMALL = {"connector": {"dim": 128, "depth": 1, "heads": 4, "feedforward": 256}, "emotion_dim": 96}
"""Connector and Emotion2Vec-S tokens of conf/small."""

WHISPER_TINY = {"n_audio_state": 384, "n_audio_head": 6, "n_audio_layer": 4}

SIZES = {
    "tiny": {
        "llm": {
            "model_type": "llama", "vocab_size": 1024, "hidden_size": 128, "intermediate_size": 512,
            "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True,
        },
        "whisper": {"n_audio_state": 64, "n_audio_head": 2, "n_audio_layer": 2}, **SMALL,
    },
    "smollm2": {
        "llm": {
            "model_type": "llama", "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
            "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True,
        },
        "whisper": WHISPER_TINY, **SMALL,
    },
    "qwen2-7b": {
        "llm": {
            "model_type": "qwen2", "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944,
            "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "tie_word_embeddings": False,
        },
        "whisper": {"n_audio_state": 1024, "n_audio_head": 16, "n_audio_layer": 24},
        "connector": {"dim": 1024, "depth": 4, "heads": 4, "feedforward": 2560}, "emotion_dim": 768,
    },
}  # fmt: skip
"""Size → language model (arguments of its configuration), Whisper encoder, connector, width of the emotion tokens."""


def common_parser(doc):
    """A parser with the options that choose a model and where it runs."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--size", choices=tuple(SIZES), default="tiny",
        help="of random weights; smollm2: SmolLM2-135M and Whisper tiny; qwen2-7b: Qwen2-7B and Whisper medium, on a "
        "GPU with 80 GB (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--llm", type=Path, help="Folder of a language model to take instead; all else random, as of --size smollm2"
    )
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32",
        help="bf16: language models of random weights are stored so, too (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--ngpu", type=int, default=0, choices=(0, 1), help="1: on the GPU (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and data (default: %(default)s)")
    return parser


def random_c2ser(options, prompts=None):
    """A C2SER without dropout, in training mode, on the device of the options; LoRA as the paper has it.

    options: those of `common_parser`; prompts: mode → token ids before and after the speech, or None: those of the
    folder's tokenizer, where options.llm is given.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from c2ser.cot.prompts import MODES, prompt
    from c2ser.models.c2ser import C2SER
    from c2ser.models.language_model import (
        LORA_TARGETS,
        load_language_model,
        load_tokenizer,
        split_prompt,
        with_adapters,
    )
    from c2ser.models.whisper_encoder import WhisperEncoder

    size = SIZES["smollm2" if options.llm else options.size]
    device, dtype = device_of(options), torch.bfloat16 if options.precision == "bf16" else torch.float32
    torch.manual_seed(options.seed)
    if options.llm:
        llm = load_language_model(options.llm, dropout=0.0)
        tokenizer = load_tokenizer(options.llm)
        prompts = prompts or {mode: split_prompt(tokenizer, prompt(mode), "plain") for mode in MODES}
    with torch.device(device):
        if not options.llm:
            llm = AutoModelForCausalLM.from_config(AutoConfig.for_model(**size["llm"]), dtype=dtype)
            llm = with_adapters(llm.requires_grad_(False), options.size, 8, LORA_TARGETS, dropout=0.0)
        encoder = WhisperEncoder(**size["whisper"])
        model = C2SER(encoder, llm, prompts, size["emotion_dim"], {**size["connector"], "dropout": 0.0})
    return model.to(device).train()


def prepare(options, parser):
    """Check and settle what has to be before a model is made; ends with a message where that cannot be. Returns the
    device."""
    import torch
    from transformers.utils import logging

    if options.size == "qwen2-7b" and not options.llm and not (options.ngpu and options.precision == "bf16"):
        parser.error("--size qwen2-7b needs --ngpu 1 --precision bf16")
    if options.ngpu and not torch.cuda.is_available():
        parser.error("--ngpu 1: torch finds no GPU")
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    if not options.ngpu:
        torch.set_num_threads(1)  # until every system has a process of its own, see turns.in_turns
    return device_of(options)


def device_of(options):
    """Where the options say that the models run: cuda or cpu."""
    return "cuda" if options.ngpu else "cpu"


def noise(count, shortest, longest, seed):
    """Waveforms of noise, float32 numpy `(samples,)` at 16 kHz, their seconds drawn evenly from that range."""
    import numpy as np

    source = np.random.default_rng(seed)
    lengths = (source.uniform(shortest, longest, count) * 16000).astype(int)
    return [(source.standard_normal(length) * 0.1).astype(np.float32) for length in lengths]


def emotion_tokens(count, options):
    """Random Emotion2Vec-S tokens, float32 numpy `(count, 10, dim)` of the width that the model takes."""
    import numpy as np

    dim = SIZES["smollm2" if options.llm else options.size]["emotion_dim"]
    return np.random.default_rng(options.seed).standard_normal((count, 10, dim)).astype(np.float32)


def describe(options):
    """Device, threads, precision and size in words."""
    import torch

    where = torch.cuda.get_device_name() if options.ngpu else f"cpu, {options.threads} threads"
    return f"{where}, {options.precision}, {options.llm or f'random weights of size {options.size}'}"

"""A small C2SER checkpoint as the paper's authors release theirs: the same names, sizes of 16 to 32, random weights."""

import math

import torch
import torch.nn.functional as F

from tests.builders import BACKBONE, WHISPER, backbone, write_parts

DIM, HEADS, DEPTH, FEEDFORWARD, RANK, TOKENS = 32, 4, 2, 48, 2, 5
DIMS = {**WHISPER, "n_audio_state": DIM}
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "down_proj")


def positions(length, dim):
    """Sinusoids, sines at even places."""
    rows = [
        [(math.cos if j % 2 else math.sin)(i / 10000 ** (j // 2 * 2 / dim)) for j in range(dim)] for i in range(length)
    ]
    return torch.tensor(rows)[None]


def checkpoint(llm, seed=0):
    """The state dict, over the base model of the folder `llm`."""
    from transformers import AutoModelForCausalLM
    from whisper.model import sinusoids

    generator, state = torch.Generator().manual_seed(seed), {}

    def draw(name, *shape, bias=True):
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * 0.3 + (len(shape) == 1)
        if bias:
            state[f"{name}.bias"] = torch.randn(shape[0], generator=generator) * 0.3

    def block(name, feedforward, key_bias):
        for part in "qkv":
            draw(f"{name}.self_attn.linear_{part}", DIM, DIM, bias=key_bias or part != "k")
        draw(f"{name}.self_attn.linear_out", DIM, DIM)
        draw(f"{name}.feed_forward.w_1", feedforward, DIM)
        draw(f"{name}.feed_forward.w_2", DIM, feedforward)
        draw(f"{name}.norm1", DIM)
        draw(f"{name}.norm2", DIM)

    draw("encoder.embed.conv.0", DIM, DIMS["n_mels"], 3)
    draw("encoder.embed.conv.2", DIM, DIM, 3)
    state["encoder.embed.pos_enc.pe"] = sinusoids(DIMS["n_audio_ctx"], DIM)[None] * 0.9  # not what ours starts from
    for number in range(DIMS["n_audio_layer"]):
        block(f"encoder.encoders.{number}", 4 * DIM, key_bias=False)
    draw("encoder.after_norm", DIM)
    draw("ln_speech", DIM)
    for number in (1, 4, 7):
        draw(f"down_sample_2.conv.{number}", DIM, DIM, 3)
    draw("speech_transformer.embed.out.0", DIM, DIM)
    draw("speech_transformer.embed.out.1", DIM)
    state["speech_transformer.embed.pos_enc.pe"] = positions(60, DIM)
    for number in range(DEPTH):
        block(f"speech_transformer.encoders.{number}", FEEDFORWARD, key_bias=True)
    draw("speech_transformer.after_norm", DIM)

    base = AutoModelForCausalLM.from_pretrained(llm, dtype=torch.float32)
    width = base.config.hidden_size
    draw("speech_llama_proj", width, DIM)
    draw("speech_token_emded", TOKENS + 2, width, bias=False)
    draw("speaker_head", TOKENS, width)
    for name, weight in base.state_dict().items():
        adapted = name.split(".")[-2] in TARGETS
        place = f"llama_model.base_model.model.{name.removesuffix('.weight')}"
        state[f"{place}.base_layer.weight" if adapted else f"{place}.weight"] = weight.clone()
        if adapted:
            draw(f"{place}.lora_A.default", RANK, weight.shape[1], bias=False)
            draw(f"{place}.lora_B.default", weight.shape[0], RANK, bias=False)
    state["embed_tokens.weight"] = base.get_input_embeddings().weight.detach().clone()
    state["lm_head.weight"] = base.get_output_embeddings().weight.detach().clone()
    return state


def emotion_folder(folder):
    """A small Emotion2Vec-S as `c2ser convert` leaves one; `folder` must not be there."""
    write_parts(folder, {"backbone_conf": BACKBONE}, backbone())
    return folder


# The released model's arithmetic, one utterance at a time, from the names of its checkpoint


def linear(state, name, x):
    bias = state.get(f"{name}.bias")
    return x @ state[f"{name}.weight"].T + (0 if bias is None else bias)


def norm(state, name, x):
    centred = x - x.mean(-1, keepdim=True)
    return (
        centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * state[f"{name}.weight"]
        + state[f"{name}.bias"]
    )


def conv(state, name, x, left, right, stride):
    padded = F.pad(x.T, (left, right)).T
    weight = state[f"{name}.weight"]
    starts = range(0, len(padded) - weight.shape[2] + 1, stride)
    windows = torch.stack([padded[start : start + weight.shape[2]].T for start in starts])  # (time, channels, kernel)
    return torch.einsum("tck,ock->to", windows, weight) + state[f"{name}.bias"]


def transformer(state, name, depth, heads, activation, x):
    for number in range(depth):
        block, size = f"{name}.encoders.{number}", x.shape[1] // heads
        y = norm(state, f"{block}.norm1", x)
        query, key, value = (linear(state, f"{block}.self_attn.linear_{part}", y) for part in "qkv")
        mixed = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            weights = (query[:, own] @ key[:, own].T / math.sqrt(size)).softmax(-1)
            mixed.append(weights @ value[:, own])
        x = x + linear(state, f"{block}.self_attn.linear_out", torch.cat(mixed, 1))
        inner = activation(linear(state, f"{block}.feed_forward.w_1", norm(state, f"{block}.norm2", x)))
        x = x + linear(state, f"{block}.feed_forward.w_2", inner)
    return norm(state, f"{name}.after_norm", x)


def encode(state, mel):
    """Mel spectrogram `(frames, n_mels)` → `(frames / 2, DIM)`."""
    x = F.gelu(conv(state, "encoder.embed.conv.0", mel, 1, 1, 1))
    x = F.gelu(conv(state, "encoder.embed.conv.2", x, 1, 1, 2))
    x = x + state["encoder.embed.pos_enc.pe"][0, : len(x)]
    return transformer(state, "encoder", DIMS["n_audio_layer"], DIMS["n_audio_head"], F.gelu, x)


def subsample(state, x):
    """`(frames, DIM)` → a quarter as many."""
    for number, stride in ((1, 1), (4, 2), (7, 2)):
        x = F.gelu(conv(state, f"down_sample_2.conv.{number}", x, 2, 0, stride))
    return x


def connect(state, x):
    """`(length, DIM)` → `(length, width of the language model)`."""
    x = norm(state, "speech_transformer.embed.out.1", linear(state, "speech_transformer.embed.out.0", x))
    x = x * math.sqrt(DIM) + positions(len(x), DIM)[0]
    return linear(state, "speech_llama_proj", transformer(state, "speech_transformer", DEPTH, HEADS, F.relu, x))

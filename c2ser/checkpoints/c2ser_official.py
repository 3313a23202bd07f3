"""The C2SER checkpoint that the paper's authors released (C2SER_llm.pt) → the weights of c2ser.models.c2ser.C2SER.

Their model is the same network under other names: Whisper's encoder and the connector in WeNet's naming, adapters and
base model in peft's. Every name of the file is accounted for: taken over, left out for a stated reason, or unknown.
"""

import re
from dataclasses import dataclass, field

import torch

from c2ser.checkpoints.untrusted import read_untrusted
from c2ser.datadir.faults import some
from c2ser.errors import InputError
from c2ser.models.connector import Connector, Subsampler, sinusoids
from c2ser.models.language_model import adapter_shapes
from c2ser.models.whisper_encoder import WhisperEncoder, load_whisper_file

_WHISPER, _BLOCK = r"encoder\.encoders\.(\d+)\.", r"encoder.encoder.blocks.\1."
_CONNECTOR, _LAYER = r"speech_transformer\.encoders\.(\d+)\.", r"connector.layers.layers.\1."

RENAMED = (
    (r"encoder\.embed\.conv\.0\.", r"encoder.encoder.conv1."),
    (r"encoder\.embed\.conv\.2\.", r"encoder.encoder.conv2."),
    (r"encoder\.embed\.pos_enc\.pe$", r"encoder.encoder.positional_embedding"),
    (_WHISPER + r"self_attn\.linear_q\.", _BLOCK + r"attn.query."),
    (_WHISPER + r"self_attn\.linear_k\.", _BLOCK + r"attn.key."),
    (_WHISPER + r"self_attn\.linear_v\.", _BLOCK + r"attn.value."),
    (_WHISPER + r"self_attn\.linear_out\.", _BLOCK + r"attn.out."),
    (_WHISPER + r"feed_forward\.w_1\.", _BLOCK + r"mlp.0."),
    (_WHISPER + r"feed_forward\.w_2\.", _BLOCK + r"mlp.2."),
    (_WHISPER + r"norm1\.", _BLOCK + r"attn_ln."),
    (_WHISPER + r"norm2\.", _BLOCK + r"mlp_ln."),
    (r"encoder\.after_norm\.", r"encoder.encoder.ln_post."),
    (r"down_sample_2\.conv\.1\.", r"subsampler.convs.0."),
    (r"down_sample_2\.conv\.4\.", r"subsampler.convs.1."),
    (r"down_sample_2\.conv\.7\.", r"subsampler.convs.2."),
    (r"speech_transformer\.embed\.out\.([01])\.", r"connector.embed.\1."),
    # Ours has query, key and value in one matrix: the parts behind the # are put together in their order.
    (_CONNECTOR + r"self_attn\.linear_q\.(\w+)", _LAYER + r"self_attn.in_proj_\2#0"),
    (_CONNECTOR + r"self_attn\.linear_k\.(\w+)", _LAYER + r"self_attn.in_proj_\2#1"),
    (_CONNECTOR + r"self_attn\.linear_v\.(\w+)", _LAYER + r"self_attn.in_proj_\2#2"),
    (_CONNECTOR + r"self_attn\.linear_out\.", _LAYER + r"self_attn.out_proj."),
    (_CONNECTOR + r"feed_forward\.w_([12])\.", _LAYER + r"linear\2."),
    (_CONNECTOR + r"norm([12])\.", _LAYER + r"norm\2."),
    (r"speech_transformer\.after_norm\.", r"connector.layers.norm."),
    (r"speech_llama_proj\.", r"connector.project."),
    (r"speech_token_emded\.weight$", r"speech_ends.weight"),
    (r"llama_model\.(?=base_model\.model\..+\.lora_[AB]\.default\.weight$)", r"llm."),
)
"""Pattern of a name in the file → ours."""

BASE = (
    (r"llama_model\.base_model\.model\.", ""),
    (r"embed_tokens\.weight$", "model.embed_tokens.weight"),
    (r"lm_head\.weight$", "lm_head.weight"),
)
"""Pattern of a name in the file → the base model's own; they registered its first and last layer a second time."""

POSITIONS = "speech_transformer.embed.pos_enc.pe"
LEFT_OUT = (
    (r"ln_speech\.", "the released model never calls it"),
    (r"(speaker|speech)_head\.", "a head for speech output, which text answers do not pass"),
    (re.escape(POSITIONS), "sinusoids, which are computed here"),
    (r"llama_model\..*\.rotary_emb\.inv_freq$", "rotary frequencies, which are computed here"),
)
"""Pattern of a name in the file → why it is not taken over."""


@dataclass
class Official:
    """What a released checkpoint holds, in this project's terms.

    weights: name → tensor, float32, of C2SER; base: name in the base model → tensor, as stored; left_out: name in the
    file → why; unknown: names in the file that no rule knows.
    """

    weights: dict = field(default_factory=dict)
    base: dict = field(default_factory=dict)
    left_out: dict = field(default_factory=dict)
    unknown: list = field(default_factory=list)


def read_official(path):
    """Read a released checkpoint as `Official`; nothing in the file is executed.

    Raises InputError where the file cannot be read, is no C2SER checkpoint, or has positions other than sinusoids.
    """
    state = read_untrusted(path)
    for wrapping in ("module", "model", "state_dict"):
        state = state[wrapping] if isinstance(state.get(wrapping), dict) else state
    made, pieces = Official(), {}
    for name, value in state.items():
        name = name.removeprefix("module.")
        ours, base = rename(name, RENAMED), rename(name, BASE)
        reason = next((why for pattern, why in LEFT_OUT if re.match(pattern, name)), None)
        if not isinstance(value, torch.Tensor):
            made.unknown.append(name)
        elif reason:
            made.left_out[name] = reason
            if name == POSITIONS:
                check_positions(path, value[0])
        elif ours:
            pieces[ours] = value.float()
        elif base:
            made.base[base.replace(".base_layer.", ".")] = value
        else:
            made.unknown.append(name)
    if not any(name.startswith("connector.") for name in pieces):
        raise InputError(
            f"{path}: no C2SER checkpoint: it has none of speech_transformer.*; its names are {some(state)}"
        )
    finish(made, pieces)
    return made


def rename(name, rules):
    """The name by the first rule that fits, None where none does."""
    for pattern, ours in rules:
        if re.match(pattern, name):
            return re.sub(f"^{pattern}", ours, name)
    return None


def finish(made, pieces):
    """Put weights together that ours holds in one, and cut those of which ours needs a part."""
    for name in pieces:
        whole, _, number = name.partition("#")
        parts = [pieces.get(f"{whole}#{part}") for part in range(3)] if number else [pieces[name]]
        if all(part is not None for part in parts):  # else it stays away and is reported as missing
            made.weights[whole] = torch.cat(parts)
    if "encoder.encoder.positional_embedding" in made.weights:
        made.weights["encoder.encoder.positional_embedding"] = made.weights["encoder.encoder.positional_embedding"][0]
    if "speech_ends.weight" in made.weights:
        tokens = made.weights["speech_ends.weight"]
        made.weights["speech_ends.weight"] = tokens[-2:].clone()
        if len(tokens) > 2:
            made.left_out[f"speech_token_emded.weight[:{len(tokens) - 2}]"] = (
                "tokens of speech output; the last two are marks"
            )


def check_positions(path, found):
    """Raise InputError where stored positions `(length, dim)` are not the connector's sinusoids (to half precision)."""
    wanted = sinusoids(len(found), found.shape[1], "cpu", torch.float32)
    if not torch.allclose(found.float(), wanted, atol=0.02):
        raise InputError(f"{path}: {POSITIONS} are not the sinusoids that this project's connector adds")


def configuration(made, path):
    """The sizes that the weights tell: (connector_conf without heads, llm_conf without alpha). Raises InputError."""
    weights = made.weights
    layers = {name.split(".")[3] for name in weights if name.startswith("connector.layers.layers.")}
    adapters = [name for name in weights if ".lora_A." in name]
    ranks = {len(weights[name]) for name in adapters}
    needed = ("connector.project.weight", "connector.layers.layers.0.linear1.weight")
    if len(ranks) != 1 or not all(name in weights for name in needed):
        raise InputError(
            f"{path}: incomplete: no {', '.join(needed)}, or adapters of ranks {sorted(ranks)}; fetch it again"
        )
    connector = {"dim": weights[needed[0]].shape[1], "depth": len(layers), "feedforward": len(weights[needed[1]])}
    targets = sorted({name.split(".")[-4] for name in adapters})
    return connector, {"rank": ranks.pop(), "targets": targets}


def check_fit(made, path, llm, whisper, connector, adapters):
    """Compare names and shapes with those of the model that they are for. Returns the list of faults, as text.

    llm: folder; whisper: file; connector: arguments of `Connector`; adapters: arguments of `adapter_shapes`.
    """
    dims, _ = load_whisper_file(whisper)
    width, lora = adapter_shapes(llm, **adapters)
    with torch.device("meta"):
        parts = {
            "encoder": WhisperEncoder(**dims),
            "subsampler": Subsampler(dims["n_audio_state"], connector["dim"]),
            "connector": Connector(width, 1.0, **connector),
            "speech_ends": torch.nn.Embedding(2, width),
        }
    wanted = {
        f"{part}.{name}": value.shape for part, module in parts.items() for name, value in module.state_dict().items()
    }
    wanted |= {f"llm.{name}": shape for name, shape in lora.items()}
    faults = [f"missing: {name} {tuple(shape)}" for name, shape in wanted.items() if name not in made.weights]
    for name, value in made.weights.items():
        if name not in wanted:
            faults.append(
                f"has no place in {whisper if name.startswith('encoder') else llm}: {name} {tuple(value.shape)}"
            )
        elif value.shape != wanted[name]:
            faults.append(f"of shape {tuple(value.shape)} instead of {tuple(wanted[name])}: {name}")
    return faults


def base_differences(base, own):
    """Names of base weights that are not in `own` (name → tensor), and of those that differ from it.

    Compared at the coarser precision of the two: the file may hold what the folder has in another.
    """
    unknown, different = [], []
    for name, value in base.items():
        if name not in own:
            unknown.append(name)
            continue
        coarser = min(value.dtype, own[name].dtype, key=lambda dtype: dtype.itemsize)
        if value.shape != own[name].shape or not torch.equal(value.to(coarser), own[name].to(coarser)):
            different.append(name)
    return unknown, different

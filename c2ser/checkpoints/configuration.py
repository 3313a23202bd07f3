"""The backbone's sizes and settings in our words and in those of data2vec 2.0, as FunASR and fairseq write them."""

import ast
import re
from dataclasses import dataclass, field

from c2ser.checkpoints.names import AUDIO, count_modules
from c2ser.errors import InputError
from c2ser.models.emotion2vec import Emotion2VecConfig

FIELDS = {
    "dim": ("model", "embed_dim", int), "depth": ("model", "depth", int), "heads": ("model", "num_heads", int),
    "mlp_ratio": ("model", "mlp_ratio", float), "norm_eps": ("model", "norm_eps", float),
    "dropout": ("model", "encoder_dropout", float), "attention_dropout": ("model", "attention_dropout", float),
    "layerdrop": ("model", "layerdrop", float), "prenet_depth": ("audio", "prenet_depth", int),
    "extra_tokens": ("audio", "num_extra_tokens", int), "position_width": ("audio", "conv_pos_width", int),
    "position_depth": ("audio", "conv_pos_depth", int), "position_groups": ("audio", "conv_pos_groups", int),
}  # fmt: skip
"""Field of Emotion2VecConfig → section and name in theirs, and its type."""

FIXED = {
    ("model", "layer_norm_first"): False, ("model", "norm_affine"): True, ("audio", "extractor_mode"): "layer_norm",
    ("audio", "conv_pos_pre_ln"): False, ("audio", "use_alibi_encoder"): True, ("audio", "learned_alibi"): False,
    ("audio", "learned_alibi_scale_per_head"): True, ("audio", "learned_alibi_scale_per_layer"): False,
}  # fmt: skip
"""Settings of theirs that our backbone has in one form only, the one of every released checkpoint."""

RATES = {"dropout": 0.1, "attention_dropout": 0.1, "layerdrop": 0.05}
"""Rates that are settings of training only, and their values where nobody says them."""
MERGED = (
    ("model", "post_mlp_drop", "dropout"), ("audio", "prenet_dropout", "dropout"),
    ("audio", "prenet_layerdrop", "layerdrop"),
)  # fmt: skip
"""Rates that are settings of their own in theirs, and the rate of ours that serves in their place."""
ABSENT = (
    ("model", "activation_dropout"), ("model", "dropout_input"), ("model", "start_drop_path_rate"),
    ("model", "end_drop_path_rate"), ("audio", "start_drop_path_rate"), ("audio", "end_drop_path_rate"),
)  # fmt: skip
"""Rates of training that ours does not have."""
STRIDES = {(10, 3, 3, 3, 3, 2, 2): (5, 2, 2, 2, 2, 2, 2)}
"""Kernels → strides of the front end that all released checkpoints share: 320 samples a frame."""


@dataclass
class Settings:
    """A configuration of theirs: `model`, its `audio` modality, `normalise` (None: not said); `where`, for messages."""

    where: str
    model: dict = field(default_factory=dict)
    audio: dict = field(default_factory=dict)
    normalise: bool | None = None


def find_settings(options, where):
    """The part of a configuration that describes the backbone: fairseq's `cfg` or `args`, FunASR's config.yaml.

    options: dict. Returns Settings, or None where it describes no data2vec 2.0 model.
    """
    model = options.get("model_conf", options.get("model"))
    task = options.get("task")
    if not isinstance(model, dict):
        model = options
    for key in ("d2v_args", "w2v_args"):  # a fine-tuned model carries the configuration of the one that it started from
        if isinstance(model.get(key), dict):
            return find_settings(model[key], where)
    modalities = model.get("modalities")
    if not isinstance(modalities, dict) or not isinstance(modalities.get("audio"), dict):
        return None
    said = [part.get("normalize") for part in (task, model, options) if isinstance(part, dict)]
    normalise = next((value for value in said if isinstance(value, bool)), None)
    return Settings(where, model, modalities["audio"], normalise)


def backbone_settings(settings, weights, where):
    """Emotion2VecConfig of a state dict with their names.

    Sizes are read off the weights and compared with the settings (a Settings, or None where there is none); the rest
    comes from the settings or, where they are silent, is as in all released checkpoints. Returns the configuration and
    a list of notes, on what was so assumed and what was left out. Raises InputError where settings and weights
    disagree, or where the settings ask for what our backbone does not do.
    """
    settings = settings or Settings(where)
    refuse_other_kinds(settings)
    said = {ours: value for ours, place in FIELDS.items() if (value := said_value(settings, *place)) is not None}
    seen = sizes_of(weights, where)
    hidden, dim = seen.pop("hidden"), seen["dim"]
    ratio = said.setdefault("mlp_ratio", hidden / dim)
    if int(dim * ratio) != hidden:
        raise InputError(f"{where}: feed-forward layers are {hidden} wide; mlp_ratio is {ratio} in {settings.where}")
    for name, value in seen.items():
        if name in said and said[name] != value:
            raise InputError(f"{where}: {name} is {value} in the weights and {said[name]} in {settings.where}")
    layers, assumed = conv_layers(settings, weights, where)
    kernel = weights[f"{AUDIO}relative_positional_encoder.1.0.weight"].shape[-1]
    width = said.pop("position_width", kernel * seen["position_depth"])
    if max(3, width // seen["position_depth"]) != kernel:
        raise InputError(f"{where}: positions have kernels of {kernel}; {settings.where} says width {width}")
    assumed += [f"{name} {usual:g}" for name, usual in {"norm_eps": 1e-5, **RATES}.items() if name not in said]
    normalise = settings.normalise is not False
    if settings.normalise is None:
        assumed.append("normalise true")
    config = Emotion2VecConfig(**{**said, **seen}, conv_layers=layers, position_width=width, normalise=normalise)
    notes = [f"assumed, as no configuration says it: {item}" for item in assumed]
    return config, notes + notes_on_rates(settings, said)


def notes_on_rates(settings, said):
    """Notes on the rates of dropping that the settings have and our backbone has not; they matter to training only."""
    notes = []
    for section, theirs, ours in MERGED:
        value = said_value(settings, section, theirs, float)
        if value is not None and ours in said and value != said[ours]:
            notes.append(f"left out: {theirs} {value:g}: {ours} {said[ours]:g} serves there, and in training only")
    for section, theirs in ABSENT:
        if value := said_value(settings, section, theirs, float):
            notes.append(f"left out: {theirs} {value:g}: ours has none, and it serves in training only")
    return notes


def said_value(settings, section, name, kind):
    """A number of the settings, or None where they are silent: absent, empty, or an unresolved reference such as
    ${model.depth}. YAML hands over 1e-05 as text. Raises InputError for anything else."""
    value = getattr(settings, section).get(name)
    if value is None or value == "???" or (isinstance(value, str) and "${" in value):
        return None
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise InputError(f"{settings.where}: {name}: {value!r}: expected a number") from None


def refuse_other_kinds(settings):
    """Raise InputError for settings under which the network is another than ours."""
    for (section, name), wanted in FIXED.items():
        value = getattr(settings, section).get(name, wanted)
        if value != wanted:
            raise InputError(f"{settings.where}: {name}: {value!r}: our backbone has {wanted!r} only: not convertible")
    heads, alibi = said_value(settings, *FIELDS["heads"]), said_value(settings, "audio", "num_alibi_heads", int)
    if None not in (heads, alibi) and heads != alibi:
        raise InputError(f"{settings.where}: {alibi} of {heads} heads have ALiBi; ours has it in all: not convertible")


def sizes_of(weights, where):
    """The sizes that the shapes of the weights show. Raises InputError where the weights to see them by are missing."""
    prefix = re.escape(AUDIO)
    sizes = {
        "depth": count_modules(weights, r"blocks\.(\d+)\.", where),
        "prenet_depth": count_modules(weights, rf"{prefix}context_encoder\.blocks\.(\d+)\.", where),
        "position_depth": count_modules(weights, rf"{prefix}relative_positional_encoder\.(\d+)\.0\.", where) - 1,
    }
    block = "blocks.0" if sizes["depth"] else f"{AUDIO}context_encoder.blocks.0"
    wanted = [
        f"{AUDIO}project_features.2.weight", f"{AUDIO}alibi_scale", f"{block}.mlp.fc1.weight",
        f"{AUDIO}relative_positional_encoder.1.0.weight",
    ]  # fmt: skip
    missing = [name for name in wanted if name not in weights or weights[name].dim() < 2]
    if missing:
        raise InputError(f"{where}: not a backbone of the emotion2vec family: missing {', '.join(missing)}")
    dim, scale = weights[wanted[0]].shape[0], weights[wanted[1]]
    if not dim or not scale.numel() or dim % scale.numel():
        raise InputError(f"{where}: a width of {dim} for {scale.numel()} heads: no backbone of the emotion2vec family")
    sizes |= {"dim": dim, "heads": scale.numel(), "hidden": weights[wanted[2]].shape[0]}
    sizes["position_groups"] = dim // max(1, weights[wanted[3]].shape[1])
    tokens = weights.get(f"{AUDIO}extra_tokens")
    sizes["extra_tokens"] = 0 if tokens is None or tokens.dim() != 3 else tokens.shape[1]
    return sizes


def conv_layers(settings, weights, where):
    """(channels, kernel, stride) of the front end. Strides cannot be seen in weights: they come from the settings or,
    for the usual kernels, are the usual ones. Returns the layers and a list of what was so assumed."""
    count = count_modules(weights, rf"{re.escape(AUDIO)}local_encoder\.conv_layers\.(\d+)\.0\.weight", where)
    names = [f"{AUDIO}local_encoder.conv_layers.{number}.0.weight" for number in range(count)]
    if not names or any(name not in weights or weights[name].dim() != 3 for name in names):
        raise InputError(f"{where}: not a backbone of the emotion2vec family: no convolutions of a front end")
    shapes = [(weights[name].shape[0], weights[name].shape[2]) for name in names]
    spec = settings.audio.get("feature_encoder_spec")
    if spec is not None:
        layers = parse_conv_layers(spec, settings.where)
        if [layer[:2] for layer in layers] != shapes:
            raise InputError(f"{where}: front end of (channels, kernel) {shapes}; {settings.where} says {spec}")
        return layers, []
    kernels = tuple(kernel for _, kernel in shapes)
    if kernels not in STRIDES:
        raise InputError(f"{where}: strides of a front end with kernels {kernels} are not known: give --config")
    strides = STRIDES[kernels]
    return [(*shape, stride) for shape, stride in zip(shapes, strides)], [f"strides of the front end {strides}"]


def parse_conv_layers(spec, where):
    """fairseq's description of convolutions, a Python expression such as "[(512, 10, 5)] + [(512, 3, 2)] * 4", worked
    out without evaluating it as code. Returns a list of (channels, kernel, stride). Raises InputError."""

    def work_out(node):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return work_out(node.left) + work_out(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            times = ast.literal_eval(node.right)
            if not 0 < times <= 100:
                raise ValueError("times")
            return work_out(node.left) * times
        layers = [tuple(layer) for layer in ast.literal_eval(node)]
        if not all(len(layer) == 3 and all(type(size) is int and size > 0 for size in layer) for layer in layers):
            raise ValueError("layer")
        return layers

    try:
        return work_out(ast.parse(str(spec).strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        where = f"{where}: feature_encoder_spec: {spec!r}"
        raise InputError(f"{where}: expected a list of (channels, kernel, stride)") from None


def to_funasr(config):
    """Emotion2VecConfig → the `model_conf` that FunASR's Emotion2vec takes; without a decoder, for inference."""
    sections = {"model": {}, "audio": {}}
    for ours, (section, theirs, _) in FIELDS.items():
        sections[section][theirs] = getattr(config, ours)
    for (section, name), value in FIXED.items():
        sections[section][name] = value
    for section, theirs, ours in MERGED:
        sections[section][theirs] = getattr(config, ours)
    none = {"start_drop_path_rate": 0.0, "end_drop_path_rate": 0.0}
    spec = " + ".join(f"[({channels}, {kernel}, {stride})]" for channels, kernel, stride in config.conv_layers)
    audio = {
        **sections["audio"], **none, "type": "AUDIO", "feature_encoder_spec": spec, "local_grad_mult": 1.0,
        "init_extra_token_zero": True, "alibi_scale": 1.0, "alibi_max_pos": None, "learned_alibi_scale": True,
        "num_alibi_heads": config.heads, "model_depth": config.depth, "decoder": None,
    }  # fmt: skip
    return {
        **sections["model"], **none, "activation_dropout": 0.0, "dropout_input": 0.0, "end_of_block_targets": False,
        "average_top_k_layers": config.depth, "loss_beta": 0.0, "loss_scale": None, "clone_batch": 1,
        "normalize": config.normalise, "modalities": {"audio": audio},
    }  # fmt: skip

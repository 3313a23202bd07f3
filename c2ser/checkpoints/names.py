"""What each weight of the backbone is called in our state dict and in data2vec 2.0's, which FunASR and fairseq share.

The same names serve emotion2vec, emotion2vec+ (which has a classifier beside it and, from its fine-tuning, the prefix
`d2v_model.`), Emotion2Vec-S and data2vec 2.0 for audio.
"""

import re

from c2ser.errors import InputError

LAYOUTS = ("c2ser", "funasr", "fairseq", "data2vec2")
"""What is read: ours; FunASR's emotion2vec and emotion2vec+; fairseq's, as Emotion2Vec-S; data2vec 2.0 for audio."""

TARGETS = ("c2ser", "funasr")
"""What is written."""

AUDIO = "modality_encoders.AUDIO."
PREFIX = "d2v_model."
"""Put in front of the backbone's names by fairseq's fine-tuning; emotion2vec+ was released with it."""

BLOCK = {
    "norm1": "norm1", "qkv": "attn.qkv", "out": "attn.proj", "norm2": "norm2", "mlp.0": "mlp.fc1", "mlp.2": "mlp.fc2",
}  # fmt: skip
HEAD = {"weight": "proj.weight", "bias": "proj.bias"}

LEFT_OUT = (
    (r"_ema(\..*)?", "the teacher's moving average, which only pretraining uses"),
    (rf"{AUDIO}decoder\..*|shared_decoder\..*", "the decoder of masked frames, which only pretraining uses"),
    (r"recon_proj\..*", "a reconstruction loss' projection, which only pretraining uses"),
    (r"(.*\.)?mask_emb", "the embedding of masked frames, which only pretraining uses"),
    (r"modality_encoders\.(IMAGE|TEXT)\..*", "the encoder of another modality"),
)
"""Weights that are known and not wanted: pattern of the name, and why."""

LEFT_OUT_OURS = (
    (r"teacher\..*", "the teacher's moving average, which only pretraining uses"),
    (r"decoder\..*", "the decoder of masked frames, which only pretraining uses"),
    (r"(start|spectral)\..*", "the regression of a start from another teacher"),
    (r"[^.]+", "a counter of pretraining"),
)
"""The same for a checkpoint of our own pretraining."""

_KINDS = {
    "options of the training": "args cfg avg_keep_nbest_models_type",
    "the loss": "criterion",
    "what the optimiser remembers": "optimizer optimizers last_optimizer_state scheduler schedulers scaler "
    "scaler_state",
    "where the training stood": "task_state extra_state epoch step step_in_epoch batch_total data_split_i "
    "data_split_num",
    "a log of the training": "optimizer_history reporter saved_ckpts val_acc_step_or_epoch val_loss_step_or_epoch "
    "best_step_or_epoch train_loss_avg train_acc_avg",
}
LEFT_OUT_PARTS = {name: reason for reason, names in _KINDS.items() for name in names.split()}
"""What stands beside the weights in files of the trainers of fairseq, FunASR and ESPnet, and is no weight."""


def backbone_names(config):
    """Our name → theirs of every weight that a backbone of this Emotion2VecConfig has."""
    modules = {
        "project.0": f"{AUDIO}project_features.1", "project.1": f"{AUDIO}project_features.2",
        "prenet_norm": f"{AUDIO}context_encoder.norm",
    }  # fmt: skip
    for number in range(len(config.conv_layers)):
        modules[f"frontend.norms.{number}"] = f"{AUDIO}local_encoder.conv_layers.{number}.2.1"
    for number in range(config.position_depth):  # theirs has a transposition at 0
        modules[f"positions.convs.{number}"] = f"{AUDIO}relative_positional_encoder.{number + 1}.0"
    for stack, count, theirs in (
        ("prenet", config.prenet_depth, f"{AUDIO}context_encoder.blocks"),
        ("blocks", config.depth, "blocks"),
    ):
        for number in range(count):
            modules |= {f"{stack}.{number}.{part}": f"{theirs}.{number}.{other}" for part, other in BLOCK.items()}
    names = {f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in modules.items() for kind in ("weight", "bias")}
    for number in range(len(config.conv_layers)):
        names[f"frontend.convs.{number}.weight"] = f"{AUDIO}local_encoder.conv_layers.{number}.0.weight"
    names["alibi_scale"] = f"{AUDIO}alibi_scale"
    if config.extra_tokens:
        names["extra_tokens"] = f"{AUDIO}extra_tokens"
    return names


def reason_to_leave_out(name, known):
    """Why the weight `name` is not wanted, by a table such as LEFT_OUT; None for one that is not in it."""
    return next((reason for pattern, reason in known if re.fullmatch(pattern, name)), None)


def count_modules(names, pattern, where):
    """How many modules a state dict has in a list: one more than the largest number that `pattern`'s group matches.
    Raises InputError where that is more than there are weights."""
    numbers = [int(found[1]) for name in names if (found := re.match(pattern, name))]
    count = max(numbers, default=-1) + 1
    if count > len(names):
        raise InputError(f"{where}: numbers a layer {count - 1}, but has {len(names)} weights in all")
    return count

"""Writing a backbone as a folder: in our layout or in FunASR's."""

from dataclasses import asdict
from pathlib import Path

import yaml

from c2ser.checkpoints.configuration import to_funasr
from c2ser.checkpoints.names import HEAD, backbone_names
from c2ser.checkpoints.weights import write_weights
from c2ser.errors import InputError
from c2ser.fileio import atomic_folder


def write(backbone, folder, layout, source=None):
    """Write a Backbone into a new folder, which appears only when it is complete.

    layout: "c2ser": config.yaml (`backbone_conf`), model.pth and, for a classifier, head.pth; "funasr": config.yaml,
    model.pt and, for a classifier, tokens.txt. source: a dict kept in our config.yaml, for the record. Raises
    InputError where the folder exists and holds anything.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is there already; remove it or name another folder")
    with atomic_folder(folder) as made:
        {"c2ser": write_ours, "funasr": write_funasr}[layout](backbone, made, source)


def write_ours(backbone, folder, source):
    write_weights(folder / "model.pth", backbone.weights)
    conf = asdict(backbone.config)
    conf["conv_layers"] = [list(layer) for layer in conf["conv_layers"]]
    values = {"backbone_conf": conf}
    if backbone.head:
        write_weights(folder / "head.pth", backbone.head)
        values["head_labels"] = backbone.labels
    if source:
        values["converted"] = source
    write_yaml(folder / "config.yaml", values)


def write_funasr(backbone, folder, source):
    names = backbone_names(backbone.config)
    state = {theirs: backbone.weights[ours] for ours, theirs in names.items()}
    scale = names["alibi_scale"]
    state[scale] = state[scale].reshape(1, 1, -1, 1, 1)
    values = {"model": "Emotion2vec", "model_conf": to_funasr(backbone.config)}
    if backbone.head:
        state |= {theirs: backbone.head[ours] for ours, theirs in HEAD.items()}
        labels = backbone.labels or [f"class{number}" for number in range(len(backbone.head["bias"]))]
        (folder / "tokens.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        unknown = "<unk>" if "<unk>" in labels else labels[-1]  # FunASR wants one of them to be its unknown symbol
        values |= {"tokenizer": "CharTokenizer", "tokenizer_conf": {"unk_symbol": unknown, "split_with_space": True}}
    write_weights(folder / "model.pt", {"model": state})
    write_yaml(folder / "config.yaml", values)


def write_yaml(path, values):
    with open(path, "w", encoding="utf-8", newline="\n") as stream:
        yaml.safe_dump(values, stream, sort_keys=False, allow_unicode=True)

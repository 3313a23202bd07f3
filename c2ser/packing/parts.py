"""The parts of a packed system: weights as safetensors, the options that models are built from, the language model.

A pickle may hold a program, and ESPnet's config.yaml holds every path of the machine that trained: neither is packed.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import yaml

from c2ser.checkpoints.weights import read_weights, write_safe
from c2ser.errors import InputError
from c2ser.inference.emotion_encoder import backbone_weights, read_config
from c2ser.jsonfile import parse_json
from c2ser.models.build import MODEL_OPTIONS
from c2ser.models.whisper_encoder import save_whisper_encoder
from c2ser.packing.licences import LICENCE_FILES, whisper_licence

LLM_FILES = (".json", ".safetensors", ".model", ".jinja", ".txt", ".md")
"""Suffixes of what belongs to a language model's folder."""

PATH_KEYS = ("_name_or_path", "name_or_path")
"""Where older versions of transformers note from which folder a model or tokenizer was loaded."""


def copy_parts(bundle, folder):
    """Write every part of a `Bundle` into an empty folder. Returns the bundle of the copies, unwritten.

    Of Emotion2Vec-S the backbone is kept, of Whisper the encoder. Raises InputError for a part that cannot be read.
    """
    whisper = None
    if bundle.whisper:
        whisper = folder / "whisper.safetensors"
        save_whisper_encoder(bundle.whisper, whisper, licence=whisper_licence(bundle.whisper))
    emotion = None
    if bundle.emotion:
        config = vars(read_config(bundle.emotion["config"]))
        options = {"backbone_conf": config["backbone_conf"]}
        if "converted" in config:  # where a released checkpoint came from
            options["converted"] = {key: value for key, value in config["converted"].items() if key != "notes"}
        files = _write(folder / "emotion2vec_s", options, backbone_weights(bundle.emotion["checkpoint"]))
        emotion = {**bundle.emotion, **files}
    copy_llm(bundle.llm, folder / "llm")
    style = bundle.style and Path(shutil.copyfile(bundle.style, folder / "style.json"))
    modes = _copy_modes(bundle, folder)
    return replace(bundle, llm=folder / "llm", whisper=whisper, emotion=emotion, modes=modes, style=style)


def _copy_modes(bundle, folder):
    """The models of all modes; where two modes are asked of one model, it is copied once."""
    copied, modes = {}, {}
    for mode, section in bundle.modes.items():
        source = section["config"], section["checkpoint"]
        if source not in copied:
            values = vars(read_config(section["config"]))
            options = {name: values[name] for name in MODEL_OPTIONS if name in values}
            copied[source] = _write(folder / mode, options, read_weights(section["checkpoint"]))
        modes[mode] = dict(copied[source])
    return modes


def _write(folder, options, weights):
    folder.mkdir()
    files = {"config": folder / "config.yaml", "checkpoint": folder / "model.safetensors"}
    files["config"].write_text(yaml.safe_dump(options, sort_keys=False, allow_unicode=True), encoding="utf-8")
    write_safe(files["checkpoint"], weights)
    return files


def copy_llm(source, folder):
    """Copy a Hugging Face folder: configuration, tokenizer, safetensors, licence and card, and nothing else.

    Weights that lie there as pickles are written as safetensors. Raises InputError where they cannot be read.
    """
    folder.mkdir()
    for path in sorted(Path(source).iterdir()):
        if path.is_file() and _belongs(path.name):
            if path.suffix == ".json":
                _copy_json(path, folder / path.name)
            else:
                shutil.copyfile(path, folder / path.name)
    if not any(folder.glob("*.safetensors")):
        _save_llm(source, folder)


def _belongs(name):
    if name.startswith(".") or name.endswith((".bin.index.json", ".h5.index.json")):
        return False
    return Path(name).suffix in LLM_FILES or name.upper().startswith(LICENCE_FILES)


def _save_llm(source, folder):
    from transformers import AutoModelForCausalLM

    from c2ser.inference.chat import load_pretrained

    load_pretrained(AutoModelForCausalLM, source, dtype="auto").save_pretrained(folder)


def _copy_json(path, copy):
    """Copy a JSON file, without the folder that it was once loaded from."""
    content = path.read_bytes()
    if b"name_or_path" in content:
        try:
            values = parse_json(content)
        except ValueError as error:
            raise InputError(f"{path}: not JSON ({error}); the language model's folder is damaged") from None
        if isinstance(values, dict):
            kept = {key: value for key, value in values.items() if key not in PATH_KEYS}
            if kept != values:
                content = f"{json.dumps(kept, indent=2, ensure_ascii=False)}\n".encode()
    copy.write_bytes(content)

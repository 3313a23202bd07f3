"""A Whisper model of a Hugging Face folder, in openai-whisper's names: `read_hf_whisper`."""

import re
from pathlib import Path

import yaml

from c2ser.checkpoints.weights import read_weights
from c2ser.encodings import read_text
from c2ser.errors import InputError
from c2ser.jsonfile import parse_json

WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""Where save_pretrained puts the weights, whole or in shards that an index lists, of now and of earlier versions."""

TABLE = yaml.safe_load(read_text(Path(__file__).with_suffix(".yaml")))
SIZES, NAMES = TABLE["sizes"], TABLE["names"]


def read_hf_whisper(folder):
    """The dims and the state dict, encoder and what there is of a decoder, as openai-whisper's files have them.

    folder: what transformers' save_pretrained wrote of a Whisper model, its encoder alone or with another head; heads
    are left out. Nothing in it is executed. Raises InputError where it holds no Whisper model, or one that computes
    otherwise than openai-whisper's.
    """
    folder = Path(folder)
    try:
        config = parse_json(read_text(folder / "config.json"))
        kind = config.get("model_type")
    except (ValueError, AttributeError) as error:
        raise InputError(f"{folder}/config.json: not the configuration of a model ({error}); fetch it again") from None
    if kind != "whisper":
        raise InputError(f"{folder}: a model of type {kind}; a Whisper model is needed (model_type whisper)")
    if (used := config.get("activation_function", "gelu")) != "gelu":
        raise InputError(f"{folder}/config.json: activation_function {used}; Whisper's gelu is needed")
    missing = sorted({key for key in SIZES.values() if not isinstance(config.get(key), int)})
    if missing:
        raise InputError(f"{folder}/config.json: lacks the sizes {', '.join(missing)}; fetch the folder again")
    state = {name.removeprefix("model."): value for name, value in read_shards(folder).items()}
    if "conv1.weight" in state:  # an encoder saved alone
        state = {f"encoder.{name}": value for name, value in state.items()}
    return {ours: config[theirs] for ours, theirs in SIZES.items()}, {
        rename(name): value for name, value in state.items() if name.startswith(("encoder.", "decoder."))
    }


def rename(name):
    """Hugging Face's name of a weight, without `model.` in front → openai-whisper's."""
    for pattern, ours in NAMES.items():
        name = re.sub(pattern, ours, name)
    return name


def read_shards(folder):
    """The state dict of a Hugging Face folder, whole or in shards. Raises InputError where a file is absent or broken."""
    found = next((name for name in WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise InputError(f"{folder}: holds none of {', '.join(WEIGHTS)}; fetch the whole folder, in the format of PyTorch")
    shards = [found]
    if found.endswith(".index.json"):
        try:
            shards = sorted({Path(name).name for name in parse_json(read_text(folder / found))["weight_map"].values()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{folder / found}: not an index of weights ({error!r}); fetch it again") from None
        if absent := [name for name in shards if not (folder / name).is_file()]:
            raise InputError(f"{folder}: {', '.join(absent)} of {found} not there; fetch the whole folder")
    return {name: value for shard in shards for name, value in read_weights(folder / shard).items()}

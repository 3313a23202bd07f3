"""A fitted probe as a file: numbers and names only, nothing that is executed when it is read."""

import json
import zipfile

import numpy as np

from c2ser.errors import InputError
from c2ser.fileio import atomic_write
from c2ser.jsonfile import parse_json
from c2ser.probe.features import Standardiser
from c2ser.probe.fit import Probe
from c2ser.probe.head import Head, build_network
from c2ser.probe.linear import Linear

FILE = "probe.npz"
"""Its name in the folder of a probe."""


def save_probe(path, probe, normalise="none"):
    """Write a fitted `Probe` as .npz: what it answers by, without its candidates and curves, which layers.json and
    decode.json hold. normalise: what was done to the features before ("none" | "speaker")."""
    told = {"classes": list(probe.classes), "layers": probe.layers, "chosen": probe.chosen, "normalise": normalise}
    arrays = {"probe": np.array(json.dumps(told))}
    for number, scaling in enumerate(probe.scalings):
        arrays |= {f"mean.{number}": scaling.mean, f"deviation.{number}": scaling.deviation}
    if probe.chosen["classifier"] == "logistic":
        arrays |= {"weight": probe.model.weight, "bias": probe.model.bias}
    else:
        arrays |= {f"network.{name}": value.numpy() for name, value in probe.model.network.state_dict().items()}
    with atomic_write(path, "wb") as stream:
        np.savez(stream, **arrays)


def read_probe(path):
    """What `save_probe` wrote → a `Probe` without candidates and curves, and `normalise`. Raises InputError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if any(info.compress_type for info in archive.infolist()):
                raise ValueError("compressed: it could unfold to any size")
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
        told = parse_json(str(arrays["probe"]))
        numbers = range(len(told["layers"]))
        scalings = [Standardiser(arrays[f"mean.{number}"], arrays[f"deviation.{number}"]) for number in numbers]
        model = _model(told, scalings, arrays)
        return Probe(told["layers"], told["chosen"], [], [], model, scalings), told["normalise"]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; c2ser probe (stage 7 of a recipe) writes it, run it again") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a probe as c2ser probe writes it ({error}); run it again") from None


def _model(told, scalings, arrays):
    if told["chosen"]["classifier"] == "logistic":
        return Linear(told["classes"], arrays["weight"], arrays["bias"])
    import torch

    shapes = [scaling.mean.shape for scaling in scalings]
    network = build_network(shapes, told["chosen"]["hidden"], len(told["classes"]))
    network.load_state_dict({name: torch.from_numpy(arrays[f"network.{name}"]) for name in network.state_dict()})
    return Head(told["classes"], network)

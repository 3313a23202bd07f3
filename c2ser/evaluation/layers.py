"""Reading the layers.json files of probes: recall on each layer of the network, fold by fold."""

import json
from pathlib import Path

import numpy as np

from c2ser.encodings import read_text
from c2ser.errors import InputError

PARTS = {"dev": "dev_ua", "test": "test_ua_not_used_for_choosing"}
"""Which recall is read: that on held-out training data, which chose the layer, or that on test, which chose nothing."""


def read_layer_curves(probe_dirs, part="dev"):
    """Recall on each layer from the folders of one probe, a folder a fold.

    Returns {feature table: float array `(folds, layers)` in [0, 1]}; a table is named by its folder and file, and a
    probe on one has one. Raises InputError for a missing or malformed file, a part that was not measured (no labels
    on test), and folds of other tables or depths.
    """
    found = {}
    for folder in probe_dirs:
        path = Path(folder) / "layers.json"
        curves = _read(path, PARTS[part])
        if found and set(curves) != set(found):
            raise InputError(f"{path}: tables {', '.join(curves)}; the other folds have others; draw them apart")
        for name, curve in curves.items():
            found.setdefault(name, []).append(curve)
    for name, folds in found.items():
        depths = sorted({len(curve) for curve in folds})
        if len(depths) > 1:
            raise InputError(f"{', '.join(map(str, probe_dirs))}: {name} has {depths} layers; draw the folds apart")
    return {name: np.array(folds) for name, folds in found.items()}


def _read(path, key):
    if not path.is_file():
        raise InputError(f"{path}: no such file; run `python -m c2ser.bin.probe` again")
    try:
        tables = json.loads(read_text(path))["tables"]
        curves = {}
        for number, table in enumerate(tables):
            source = Path(table["feats_scp"])
            name = f"{source.parent.name}/{source.stem}"
            name = name if name not in curves else f"{name} ({number + 1})"
            curves[name] = [one[key] for one in table["layers"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a file of layer curves ({error!r}); run the probe again") from None
    if any(value is None for curve in curves.values() for value in curve):
        raise InputError(f"{path}: {key} was not measured: the test set has no utt2emo; draw --part dev")
    return curves

"""Training curves from what ESPnet's trainer keeps of every epoch in its checkpoint."""

from datetime import timedelta
from pathlib import Path

import numpy as np

from c2ser.errors import InputError, brief

WORDS = {
    "acc": "tokens right", "acc_answer_explicit": "answers right, explicit",
    "acc_answer_implicit": "answers right, implicit", "loss_explicit": "loss, explicit", "loss_implicit": "loss, implicit",
    "loss_kl": "loss of distillation", "loss_align": "loss, captions", "acc_align": "tokens right, captions",
    "loss_frm": "loss of frames, L_frm", "loss_utt": "loss of utterances, L_utt", "loss_cate": "loss of classes, L_cate",
    "loss_teacher": "loss, start from a teacher",
    "explained_var": "teacher's variance explained",
}  # fmt: skip
"""What a reader calls the quantities that this project's models log; others are called by their names."""


def read_curves(exp_dir, quantities=()):
    """Read the means of each epoch from `exp_dir`/checkpoint.pth, which has them all, also of a training that was killed;
    the tensorboard logs lack what was not flushed then.

    Args:
        quantities: names to read; none reads `loss`, `acc` and everything named loss_… or acc_… that validation has.
    Returns:
        quantity → {"train": (epochs, values), "valid": (epochs, values)}, lists of equal length.
    Raises:
        InputError: where there is no checkpoint, no finished epoch, or a quantity is not in it.
    """
    path = Path(exp_dir) / "checkpoint.pth"
    epochs = _epochs(path)
    parts = ("train", "valid")
    known = sorted({name for epoch in epochs.values() for part in parts for name in epoch.get(part, {})})
    if not quantities:
        valid = {name for epoch in epochs.values() for name in epoch.get("valid", {})}
        quantities = sorted(name for name in valid if name.split("_")[0] in ("loss", "acc"))
    unknown = [name for name in quantities if name not in known]
    if unknown or not quantities:
        what = f"quantity {unknown[0]}; it holds {', '.join(known)}" if unknown else "loss or acc of a finished epoch"
        raise InputError(f"{path}: no {what}")
    curves = {}
    for name in quantities:
        found = {part: [(number, epoch[part][name]) for number, epoch in epochs.items() if name in epoch.get(part, {})]
                 for part in parts}  # fmt: skip
        curves[name] = {part: tuple(map(list, zip(*pairs))) for part, pairs in found.items() if pairs}
    return curves


def _epochs(path):
    """Epoch → "train" or "valid" → name → number, executing nothing of the file and leaving its weights where they are."""
    import torch

    if not path.is_file():
        raise InputError(f"{path}: no such file; it comes with the first epoch of a training")
    # What a trainer's checkpoint may hold beside tensors and plain numbers
    kinds = [timedelta, np.ndarray, np.dtype, np.zeros(0).__reduce__()[0], np.float64().__reduce__()[0]]
    kinds += [type(np.dtype(name)) for name in ("float64", "float32", "int64", "uint32")]
    try:
        with torch.serialization.safe_globals(kinds):
            stats = torch.load(path, map_location="cpu", weights_only=True, mmap=True)["reporter"]["stats"]
        return {int(epoch): stats[epoch] for epoch in sorted(stats)}
    except Exception as error:  # torch.load raises whatever its parsers meet
        raise InputError(f"{path}: no checkpoint of a training ({brief(error)})") from None

"""Training curves from the tensorboard logs that ESPnet's trainer writes."""

import logging
from pathlib import Path

from c2ser.errors import InputError

WORDS = {
    "acc": "tokens right", "acc_answer_explicit": "answers right, explicit",
    "acc_answer_implicit": "answers right, implicit", "loss_explicit": "loss, explicit", "loss_implicit": "loss, implicit",
    "loss_kl": "loss of distillation", "loss_align": "loss, captions", "acc_align": "tokens right, captions",
    "loss_frm": "loss of frames, L_frm", "loss_utt": "loss of utterances, L_utt", "loss_cate": "loss of classes, L_cate",
    "loss_spectrum": "loss, spectral start",
}  # fmt: skip
"""What a reader calls the quantities that this project's models log; others are called by their names."""


def read_curves(exp_dir, quantities=()):
    """Read the means of each epoch from `exp_dir`/tensorboard/{train,valid}.

    Args:
        quantities: names to read; none reads `loss`, `acc` and everything named loss_… or acc_… that validation has.
    Returns:
        quantity → {"train": (epochs, values), "valid": (epochs, values)}, lists of equal length. Where training was
        resumed and an epoch logged twice, the later value counts.
    Raises:
        InputError: where there are no logs, no finished epoch, or a quantity is not in them.
    """
    scalars = {part: _scalars(Path(exp_dir) / "tensorboard" / part) for part in ("train", "valid")}
    # ESPnet counts steps in iterations; at the end of an epoch it logs the means and, in train, which epoch that was.
    epoch_of = {step: int(epoch) for step, epoch in scalars["train"].get("iter_epoch", {}).items()}
    if not epoch_of:
        raise InputError(f"{exp_dir}/tensorboard: no finished epoch in the logs")
    if not quantities:
        quantities = sorted(name for name in scalars["valid"] if name.split("_")[0] in ("loss", "acc"))
    curves = {}
    for quantity in quantities:
        parts = {part: _by_epoch(values.get(quantity, {}), epoch_of) for part, values in scalars.items()}
        curves[quantity] = {part: curve for part, curve in parts.items() if curve[0]}
        if not curves[quantity]:
            known = sorted({*scalars["train"], *scalars["valid"]})
            raise InputError(f"{exp_dir}/tensorboard: no quantity {quantity}; it holds {', '.join(known)}")
    if not curves:
        raise InputError(f"{exp_dir}/tensorboard: no loss or acc in the logs of valid")
    return curves


def _scalars(log_dir):
    """Tag → {step: last value logged at that step}."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not any(log_dir.glob("events.out.tfevents.*")):
        raise InputError(f"{log_dir}: no tensorboard logs; train with --use_tensorboard true")
    logging.getLogger("tensorboard").setLevel(logging.WARNING)  # it tells of every file that it looks for
    log = EventAccumulator(str(log_dir), size_guidance={"scalars": 0}).Reload()  # 0 keeps every value
    return {tag: {event.step: event.value for event in log.Scalars(tag)} for tag in log.Tags()["scalars"]}


def _by_epoch(values, epoch_of):
    by_epoch = {epoch_of[step]: value for step, value in sorted(values.items()) if step in epoch_of}
    return list(by_epoch), list(by_epoch.values())

"""Frames of a frozen encoder, which hears every utterance once."""

import torch
from torch import nn


def heard_once(kept, names, hear, device=None):
    """Frames of a batch's utterances, each heard once in a training, and alone: what is kept, and heard anew after a
    resume, depends on no batch.

    kept: name → `(frames, dim)`, a dict, which is added to, or a table of what was heard before all trainings; names: of the batch's utterances; hear: row → frames `(frames, dim)` of
    that one. Returns `(batch, frames, dim)`, zero where padded, and int `(batch,)`.
    """
    for row, name in enumerate(names):
        if name not in kept:
            kept[name] = hear(row)
    frames = [kept[name].to(device) for name in names]
    counts = torch.tensor([len(one) for one in frames], device=frames[0].device)
    return nn.utils.rnn.pad_sequence(frames, batch_first=True), counts

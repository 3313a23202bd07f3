"""Frames of a frozen encoder that are heard once: in a training, or for all trainings by `c2ser whisper-frames`."""

import torch
from torch import nn

from c2ser.ark import read_ark
from c2ser.datadir import read_table
from c2ser.errors import InputError


class DumpedFrames:
    """Frames `(frames, dim)` of utterances, as `c2ser whisper-frames` wrote them, each read when it is asked for."""

    def __init__(self, scp, dim):
        self.scp, self.dim, self.entries = scp, dim, read_table(scp)

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        if name not in self.entries:
            raise InputError(f"{self.scp}: no entry for {name}; make it again (c2ser whisper-frames, stage 9 of recipes)")
        frames = read_ark(self.entries[name])
        if frames.ndim != 2 or frames.shape[1] != self.dim:
            raise InputError(
                f"{self.scp}: {name}: frames of shape {frames.shape}, where the encoder has width {self.dim}; are they of "
                "another Whisper?"
            )
        return torch.tensor(frames)


def heard_once(kept, names, hear, device=None):
    """Frames of a batch's utterances, each heard once in a training, and alone: what is kept, and heard anew after a
    resume, depends on no batch.

    kept: name → `(frames, dim)`, which is added to; names: of the batch's utterances; hear: row → frames `(frames, dim)` of
    that one. Returns `(batch, frames, dim)`, zero where padded, and int `(batch,)`.
    """
    for row, name in enumerate(names):
        if name not in kept:
            kept[name] = hear(row)
    frames = [kept[name].to(device) for name in names]
    counts = torch.tensor([len(one) for one in frames], device=frames[0].device)
    return nn.utils.rnn.pad_sequence(frames, batch_first=True), counts

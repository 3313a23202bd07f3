"""What `c2ser whisper-frames` wrote, as a training reads it."""

import torch

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

"""ESPnet2's trainer with checkpoints that survive being killed while they are written."""

import os
from contextlib import contextmanager
from pathlib import Path

import torch
from espnet2.train.trainer import Trainer


class AtomicTrainer(Trainer):
    """Trainer whose files appear under their names only when complete.

    ESPnet writes checkpoint.pth in place: a kill at that moment leaves a file that cannot be resumed from.
    """

    @classmethod
    def run(cls, model, **arguments):
        """As `Trainer.run`, with every `torch.save` to a path made atomic meanwhile. The model's own count of batches
        starts at zero, or, after a resume, where the checkpoint stood."""
        model.begin()
        with atomic_saves():
            super().run(model=model, **arguments)

    @classmethod
    def train_one_epoch(cls, optimizers, **arguments):
        """As `Trainer.train_one_epoch`, from zero gradients: those of an epoch's last batches, where they do not fill an
        accumulation step, stand in no checkpoint, and a resumed training would differ from an unbroken one."""
        for optimizer in optimizers:
            optimizer.zero_grad()
        return super().train_one_epoch(optimizers=optimizers, **arguments)


@contextmanager
def atomic_saves():
    """Within the block, `torch.save(object, path)` writes beside the path and renames."""
    save = torch.save

    def save_beside(state, target, *arguments, **options):
        if not isinstance(target, (str, Path)):
            return save(state, target, *arguments, **options)
        partial = f"{target}.partial"
        try:
            save(state, partial, *arguments, **options)
            os.replace(partial, target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    torch.save = save_beside
    try:
        yield
    finally:
        torch.save = save

"""ESPnet2's trainer: checkpoints that survive being killed, bfloat16 anywhere, models that follow their optimiser."""

import logging
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import torch
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.torch_utils.set_all_random_seed import set_all_random_seed
from espnet2.train.trainer import Trainer, TrainerOptions
from espnet2.utils.build_dataclass import build_dataclass

from c2ser.models.distributed import rank


@dataclass
class Options(TrainerOptions):
    """ESPnet's options of its trainer, and those of this project's."""

    autocast: str


class AtomicTrainer(Trainer):
    """Trainer whose files appear under their names only when complete.

    ESPnet writes checkpoint.pth in place: a kill at that moment leaves a file that cannot be resumed from.
    """

    @classmethod
    def build_options(cls, args):
        """ESPnet's and this project's options from the training's."""
        return build_dataclass(Options, args)

    @classmethod
    def add_arguments(cls, parser):
        """Options of this trainer."""
        parser.add_argument(
            "--autocast", choices=("none", "auto", "bfloat16"), default="none",
            help="bfloat16: matrix products of the model in bfloat16, losses and weights in float32; on CPUs and GPUs,\n"
            "and without the loss scaling of --use_amp; auto: where the device has instructions for it",
        )  # fmt: skip

    @classmethod
    def run(cls, model, optimizers, trainer_options, **arguments):
        """As `Trainer.run`, with every `torch.save` to a path made atomic meanwhile.

        The model's own count starts at zero (`begin`), or, after a resume, where the checkpoint stood. A model with
        `after_step` has it called after every step that an optimiser takes: once for all batches that are accumulated,
        and not for a step that is skipped, because its gradients are not finite, or for an epoch's last batches, where
        they do not fill one.
        """
        model.begin()
        model.forward = prepared(model.forward, trainer_options.autocast == "bfloat16")
        hooks = []
        if hasattr(model, "after_step"):
            hooks = [each.register_step_post_hook(lambda *_: model.after_step()) for each in optimizers[:1]]
        try:
            with atomic_saves():
                super().run(model=model, optimizers=optimizers, trainer_options=trainer_options, **arguments)
        finally:
            del model.forward
            for hook in hooks:
                hook.remove()

    @classmethod
    def train_one_epoch(cls, optimizers, reporter, options, **arguments):
        """As `Trainer.train_one_epoch`, from zero gradients: those of an epoch's last batches, where they do not fill an
        accumulation step, stand in no checkpoint, and a resumed training would differ from an unbroken one. And every
        process draws its own masks and dropout, from seed, epoch and rank: ESPnet gives all of them the same."""
        for optimizer in optimizers:
            optimizer.zero_grad()
        if rank():
            set_all_random_seed((options.seed + reporter.epoch + 1_000_003 * rank()) % 2**32)
        iterator = Counted(arguments.pop("iterator"), reporter.epoch, options.max_epoch, options.accum_grad)
        return super().train_one_epoch(
            optimizers=optimizers, reporter=reporter, options=options, iterator=iterator, **arguments
        )


class Counted:
    """The batches of an epoch, with a line "120/400 updates" in the log now and then, which run.py shows.

    epoch: from 1; accumulated: batches of an update. Batches of unknown number are passed on in silence.
    """

    PERIOD = 5.0
    """Seconds between lines."""

    def __init__(self, batches, epoch, epochs, accumulated=1):
        self.batches, self.epoch, self.epochs, self.accumulated = batches, epoch, epochs, accumulated

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        try:
            updates = len(self.batches) // self.accumulated
        except TypeError:
            updates = 0
        told = -self.PERIOD
        for number, batch in enumerate(self.batches):
            if updates and rank() == 0 and time.monotonic() - told >= self.PERIOD:
                told = time.monotonic()
                done = (self.epoch - 1) * updates + number // self.accumulated
                logging.info("%d/%d updates", done, self.epochs * updates)
            yield batch


def prepared(forward, bfloat16):
    """A model's `forward`, under bfloat16 autocast where asked, returning what ESPnet can average over processes: every
    number as a tensor of one element."""

    @wraps(forward)
    def call(*inputs, **batch):
        device = next(value for value in batch.values() if isinstance(value, torch.Tensor)).device
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            returned = forward(*inputs, **batch)
        return force_gatherable(returned, device)

    return call


@contextmanager
def atomic_saves():
    """Within the block, `torch.save(object, path)` writes beside the path and renames. It writes through a stream, since
    torch tells of a full disk as an OSError only there."""
    save = torch.save

    def save_beside(state, target, *arguments, **options):
        if not isinstance(target, (str, Path)):
            return save(state, target, *arguments, **options)
        partial = f"{target}.partial"  # always this name: a resumed training replaces what a killed one has left
        try:
            with open(partial, "wb") as stream:
                save(state, stream, *arguments, **options)
            os.replace(partial, target)
        except BaseException as error:
            if isinstance(error, OSError) and not error.filename:
                error.filename = str(target)
            Path(partial).unlink(missing_ok=True)
            raise

    torch.save = save_beside
    try:
        yield
    finally:
        torch.save = save

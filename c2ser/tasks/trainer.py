"""ESPnet2's trainer: checkpoints that survive being killed, bfloat16 anywhere, models that follow their optimiser."""

import logging
import os
import shutil
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

from c2ser.checkpoints.weights import write_weights
from c2ser.errors import InputError
from c2ser.models.distributed import rank
from c2ser.tasks.midway import Midway, read_state, restore

CHECKPOINT, BEFORE = "checkpoint.pth", "midway.before.pth"
"""ESPnet's checkpoint of the last epoch, and the one before it, which a damaged one falls back to."""


@dataclass
class Options(TrainerOptions):
    """ESPnet's options of its trainer, and those of this project's."""

    autocast: str
    checkpoint_minutes: float
    max_skipped_updates: int


class AtomicTrainer(Trainer):
    """Trainer whose files appear under their names only when complete, and that goes on within an epoch (`Midway`).

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
        parser.add_argument(
            "--checkpoint_minutes", type=float, default=15.0,
            help="Minutes between checkpoints within an epoch, of which the last two are kept; 0: only where SIGTERM or\n"
            "SIGUSR1 asks for one, which ends the training with status 143. Run again, it goes on from there",
        )  # fmt: skip
        parser.add_argument(
            "--max_skipped_updates", type=int, default=20,
            help="So many updates in a row of an epoch may be skipped because the loss or the gradient is not finite:\n"
            "at the last of them the training stops, and names its utterances",
        )  # fmt: skip

    @staticmethod
    def resume(checkpoint, model, reporter, optimizers, schedulers, scaler, ngpu=0, strict=True):
        """As `Trainer.resume`, without running what a file may hold. A damaged one falls back to that of the epoch before;
        weights of the epoch that a kill has prevented are written."""
        try:
            state = read_state(checkpoint)
        except InputError as error:
            before = checkpoint.with_name(BEFORE)
            if not before.is_file():
                raise InputError(f"{error}, and there is none before it; remove its folder to train anew") from None
            logging.warning("%s; the training goes on from the checkpoint before, %s", error, before)
            state = read_state(before)
            if rank() == 0:
                os.replace(shutil.copyfile(before, f"{checkpoint}.partial"), checkpoint)
        restore(state, model, optimizers, schedulers, scaler, strict)
        reporter.load_state_dict(state["reporter"])
        weights = checkpoint.with_name(f"{reporter.get_epoch()}epoch.pth")
        if rank() == 0 and not weights.is_file():
            torch.save(state["model"], weights)
        logging.info("The training was resumed using %s", checkpoint)

    @classmethod
    def run(cls, model, optimizers, schedulers, trainer_options, **arguments):
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
            parts = {"model": model, "optimizers": optimizers, "schedulers": schedulers}
            with atomic_saves(), Midway(trainer_options, **parts) as trainer_options.midway:
                super().run(trainer_options=trainer_options, **parts, **arguments)
        finally:
            del model.forward
            for hook in hooks:
                hook.remove()

    @classmethod
    def train_one_epoch(cls, iterator, optimizers, scaler, reporter, options, **arguments):
        """As `Trainer.train_one_epoch`, from zero gradients: those of an epoch's last batches, where they do not fill an
        accumulation step, stand in no checkpoint, and a resumed training would differ from an unbroken one. And every
        process draws its own masks and dropout, from seed, epoch and rank: ESPnet gives all of them the same. Raises
        InputError where no update was made, after which ESPnet would end as if all were well."""
        for optimizer in optimizers:
            optimizer.zero_grad()
        if rank():
            set_all_random_seed((options.seed + reporter.epoch + 1_000_003 * rank()) % 2**32)
        batches, done = options.midway.training(iterator, reporter, scaler)
        counted = Counted(batches, reporter.epoch, options.max_epoch, options.accum_grad, done, iterator)
        invalid = super().train_one_epoch(
            iterator=counted, optimizers=optimizers, scaler=scaler, reporter=reporter, options=options, **arguments
        )
        if invalid and "grad_norm" not in reporter.stats:
            raise InputError(
                f"epoch {reporter.epoch}: no update was made: its {reporter.count} batches are fewer than accum_grad "
                f"{options.accum_grad}, or all were skipped, as the log above tells"
            )
        return False

    @classmethod
    def validate_one_epoch(cls, iterator, options, **arguments):
        """As `Trainer.validate_one_epoch`, with an ear for signals."""
        super().validate_one_epoch(iterator=options.midway.validation(iterator), options=options, **arguments)


class Counted:
    """The batches of an epoch, with a line "120/400 updates" in the log now and then, which run.py shows.

    epoch: from 1; accumulated: batches of an update; done: how many batches of the epoch stand before these; sized: what
    has the number of these as its length, where `batches` does not. Batches of unknown number are passed on in silence.
    """

    PERIOD = 5.0
    """Seconds between lines."""

    def __init__(self, batches, epoch, epochs, accumulated=1, done=0, sized=None):
        self.batches, self.epoch, self.epochs, self.accumulated = batches, epoch, epochs, accumulated
        self.done, self.sized = done, batches if sized is None else sized

    def __len__(self):
        return self.done + len(self.sized)

    def __iter__(self):
        try:
            updates = len(self) // self.accumulated
        except TypeError:
            updates = 0
        told = -self.PERIOD
        for number, batch in enumerate(self.batches, self.done):
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


def set_aside(checkpoint):
    """Keep a checkpoint under BEFORE as well, in no time where the file system has links."""
    before = checkpoint.with_name(BEFORE)
    before.unlink(missing_ok=True)
    try:
        os.link(checkpoint, before)
    except OSError:
        shutil.copyfile(checkpoint, before)


@contextmanager
def atomic_saves():
    """Within the block, `torch.save(object, path)` writes beside the path and renames; of CHECKPOINT, what stood there
    before is kept as well."""
    save = torch.save

    def save_beside(state, target, *arguments, **options):
        if not isinstance(target, (str, Path)):
            return save(state, target, *arguments, **options)
        partial = f"{target}.partial"  # always this name: a resumed training replaces what a killed one has left
        try:
            write_weights(partial, state, *arguments, **options)
            if Path(target).name == CHECKPOINT and Path(target).exists():
                set_aside(Path(target))
            os.replace(partial, target)
        except BaseException as error:
            if isinstance(error, OSError):
                error.filename = str(target)
            Path(partial).unlink(missing_ok=True)
            raise

    torch.save = save_beside
    try:
        yield
    finally:
        torch.save = save

"""Checkpoints within an epoch: a training that is killed goes on from the last of them, and ends as an unbroken one, bit
for bit where as many processes with as many threads do it on CPUs.

ESPnet writes a checkpoint at the end of an epoch. One within holds the same, and what else it takes to go on there: how
many batches are done, the generators of random numbers of every process, the figures of the epoch so far. It stands
between two updates, where no gradients are accumulated.
"""

import logging
import math
import os
import random
import signal
import threading
import time
import zipfile
from collections import defaultdict, deque
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from espnet2.train.reporter import Average, WeightedAverage
from torch.utils.data import DataLoader

from c2ser.checkpoints.weights import load_inert
from c2ser.errors import InputError, brief
from c2ser.evaluation.environment import environment, git_revision
from c2ser.journal import digest
from c2ser.models.distributed import everyone, processes, rank, total

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""They ask a training to write a checkpoint and to end, with status 143."""

KEPT = 2
"""Checkpoints that are kept: the last, and one to fall back to."""

HELD = [Average, WeightedAverage]
"""What checkpoints hold beside what `load_inert` knows: the figures of an epoch."""


class Midway:
    """The checkpoints within epochs of one training, `midway.<epoch>.<batches>.pth` in its folder.

    options: the trainer's; parts: its model, optimizers and schedulers, by name. Use as a context manager: inside,
    SIGNALS are noted, and obeyed where the next checkpoint can stand. Where the training ends well, none is left.
    """

    def __init__(self, options, **parts):
        self.options, self.parts, self.folder = options, parts, Path(options.output_dir)
        self.received, self.made_with = [], None

    def __enter__(self):
        caught = SIGNALS if threading.current_thread() is threading.main_thread() else ()
        self.before = {number: signal.signal(number, lambda *_: self.received.append(True)) for number in caught}
        return self

    def __exit__(self, kind, error, trace):
        for number, handler in self.before.items():
            signal.signal(number, handler)
        if kind is None and rank() == 0:
            for path in self.folder.glob("midway.*"):
                path.unlink()

    def training(self, loader, reporter, scaler):
        """The batches of an epoch's training from where its newest checkpoint stands, and how many were done before.

        loader: the epoch's batches; those of another kind than ESPnet's sequences and `--sampler balanced` make are
        passed on as they are, without checkpoints. reporter: the epoch's SubReporter; scaler: the trainer's, or None.
        """
        self.reporter, self.parts["scaler"], self.place, self.drawn = reporter, scaler, None, None
        self.written, self.last, states = time.monotonic(), 0, None
        if isinstance(loader, DataLoader) and isinstance(loader.batch_sampler, list):
            self.drawn = digest([processes(), loader.batch_sampler])
            held = self._newest()
            if held:
                restore(held, **self.parts)
                vars(reporter).update(held["figures"], start_time=time.perf_counter() - held["seconds"])
                reporter.stats = defaultdict(list, reporter.stats)
                self.last, states = held["batches"], held["generators"][rank()]
                del loader.batch_sampler[: self.last]
        return self._training(loader, self.last, states), self.last

    def _training(self, loader, first, states):
        names = deque(maxlen=self.options.accum_grad)
        for self.number, batch in enumerate(chain(shielded(loader), [None]), first):
            between = self.number % self.options.accum_grad == 0
            if self.number == first and states:
                set_generators(states)
            elif self.number > first and between:
                self._check_update(names)
            if batch is None:
                break
            if between:
                self._write_if_wanted()
            names.append(batch[0])
            yield batch
        self.place = self._place()

    def validation(self, loader):
        """The batches of a validation; a checkpoint written meanwhile stands at the end of the epoch's training."""
        for batch in shielded(loader):
            self._write_if_wanted()
            yield batch

    def _check_update(self, names):
        """Tell of an update that ESPnet has skipped, because a loss or a gradient was not finite. names: the utterances
        of its batches. Raises InputError where that is too often in a row."""
        every, epoch, found = self.options.accum_grad, self.reporter.epoch, self.reporter.stats
        norms, updates = found.get("grad_norm"), self.number // every
        if self.options.no_forward_run or (norms and math.isfinite(norms[-1].value)):
            return
        made = [math.isfinite(norm.value) for norm in norms[every - 1 :: every]] if norms else [False] * updates
        row = (made[::-1] + [True]).index(True)
        lost = [part for part, loss in zip(names, found["loss"][-every:]) if not math.isfinite(loss.value)]
        those = " ".join(name for part in everyone(list(chain(*(lost or names)))) for name in part)
        what = f"the {'loss' if lost else 'gradient'} is not finite, of {those}"
        counts = f"{row} in a row, {made.count(False)} in the epoch"
        logging.warning("epoch %d: update %d skipped (%s): %s", epoch, updates, counts, what)
        if row >= self.options.max_skipped_updates:
            raise InputError(
                f"epoch {epoch}: {row} updates in a row skipped (max_skipped_updates), at the last {what}; look at these "
                "recordings and their texts, or lower the learning rate (optim_conf: lr)"
            )

    def _write_if_wanted(self):
        """Write a checkpoint where it is time, or a signal asks for it and for the end; all processes alike."""
        minutes, asked = self.options.checkpoint_minutes, bool(self.received)
        if self.drawn:
            due = rank() == 0 and 0 < 60 * minutes <= time.monotonic() - self.written
            device = next(self.parts["model"].parameters()).device
            asked, due = total(torch.tensor([float(asked), float(due)], device=device)).tolist()
            if (asked or due) and self.number > self.last:
                self._write()
        if asked:
            logging.warning("ended by a signal in epoch %d; the same command goes on from there", self.reporter.epoch)
            raise SystemExit(128 + signal.SIGTERM)

    def _place(self):
        """What changes with every batch, but for the parts of the trainer."""
        names = ("stats", "count", "total_count")
        figures = {name: getattr(self.reporter, name) for name in names}
        figures["stats"] = {name: list(values) for name, values in figures["stats"].items()}
        seconds = time.perf_counter() - self.reporter.start_time
        return {"batches": self.number, "figures": figures, "seconds": seconds, "generators": generators()}

    def _write(self):
        place = self.place or self._place()
        place = {**place, "generators": everyone(place["generators"])}
        if rank() == 0:
            self.made_with = self.made_with or made_with(self.folder)
            whole = {**state(**self.parts), **place, "drawn": self.drawn, "made_with": self.made_with}
            new = self.folder / "midway.new.pth"  # always this name: what a kill leaves is overwritten by the next
            torch.save(whole, new)
            os.replace(new, self.folder / f"midway.{self.reporter.epoch}.{self.number}.pth")
            for _, path in self._files()[KEPT:]:
                path.unlink()
        if processes() > 1:
            torch.distributed.barrier()
        self.written, self.last = time.monotonic(), self.number

    def _files(self):
        """(epoch, batches) and path of the checkpoints, the newest first."""
        found = [(path.name.split(".")[1:3], path) for path in self.folder.glob("midway.*[0-9].*[0-9].pth")]
        return sorted(((tuple(map(int, key)), path) for key, path in found), reverse=True)

    def _newest(self):
        """The newest checkpoint of this epoch that is whole and of these batches, None where there is none. The first
        process looks for it, and removes those that are not."""
        chosen, held = None, None
        for (epoch, _), path in self._files() if rank() == 0 else ():
            if held or epoch < self.reporter.epoch:
                break  # those before are fallen back to, of an earlier epoch where ESPnet's checkpoint is damaged
            try:
                held = read_state(path) if epoch == self.reporter.epoch and self.options.resume else None
                if held and held.get("drawn") != self.drawn:
                    held = None
                    raise InputError(f"{path}: its data, batches, seed or processes were others")
            except InputError as error:
                logging.warning("%s; the training goes on from the checkpoint before", error)
            if held:
                chosen = str(path)
                self._tell(path, held)
            else:
                path.unlink()
        chosen = everyone(chosen)[0]
        return held or (chosen and read_state(chosen))

    def _tell(self, path, held):
        """Say from where the training goes on, and under what else than now it was written."""
        logging.info("epoch %d goes on after batch %d, from %s", self.reporter.epoch, held["batches"], path)
        then, now = held["made_with"], made_with(self.folder)
        names = [name for name in ("revision", "torch", "espnet") if then[name] != now[name]]
        if names:
            told = "; ".join(f"{name} {then[name]}, now {now[name]}" for name in names)
            logging.warning("it was written under %s: what follows may round otherwise", told)


def state(model, optimizers, schedulers, scaler):
    """What ESPnet's checkpoints hold of the parts of a trainer, as a dict."""
    made = {"model": model.state_dict(), "scaler": scaler and scaler.state_dict()}
    made["optimizers"] = [one.state_dict() for one in optimizers]
    return {**made, "schedulers": [one and one.state_dict() for one in schedulers]}


def restore(state, model, optimizers, schedulers, scaler, strict=True):
    """Set the parts of a trainer to a checkpoint's `state`. Raises InputError where they are not those that it is of."""
    try:
        model.load_state_dict(state["model"], strict=strict)
        parts = [*zip(optimizers, state["optimizers"]), *zip(schedulers, state["schedulers"]), (scaler, state["scaler"])]
        for part, its_state in parts:
            if part is not None and its_state is not None:
                part.load_state_dict(its_state)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the checkpoints in --output_dir are of another model or optimiser ({brief(error)}); name another folder"
        ) from None


def read_state(path):
    """What a checkpoint of the trainer holds, its tensors on the CPU; nothing that it names is run. Raises InputError
    where it is not what was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            changed = archive.testzip()  # torch.load takes changed numbers as they are
        if changed:
            raise ValueError(f"the bytes of {changed} have changed")
        with torch.serialization.safe_globals(HELD):
            held = load_inert(path)
        if not isinstance(held, dict):
            raise ValueError(f"it holds {type(held).__name__}")
        return held
    except (OSError, InputError):
        raise
    except Exception as error:  # zipfile raises whatever its parsers meet
        raise InputError(f"{path}: a damaged checkpoint ({brief(error)})") from None


def made_with(folder):
    """Configuration, revision and versions, as a dict of texts."""
    config = folder / "config.yaml"
    told = config.read_text(encoding="utf-8") if config.is_file() else ""
    return {"config": told, "revision": git_revision(), **dict(environment())}


def generators():
    """The states of this process' generators of random numbers."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state(), "cuda": cuda}


def set_generators(states):
    """Set them to what `generators` gave."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    if states["cuda"]:
        torch.cuda.set_rng_state_all(states["cuda"])


def shielded(loader):
    """A loader whose workers leave SIGNALS to the process that they work for: they often go to all of a job's."""
    if isinstance(loader, DataLoader):
        loader.worker_init_fn = partial(_shield, loader.worker_init_fn)
    return loader


def _shield(initialise, worker):
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if initialise:
        initialise(worker)

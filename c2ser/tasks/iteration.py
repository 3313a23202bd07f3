"""Batches of training: which utterances, in what order, and the random numbers that augment each."""

import logging
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import torch
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.iterators.sequence_iter_factory import worker_init_fn
from torch.utils.data import DataLoader, Dataset

from c2ser.datadir import read_table
from c2ser.errors import InputError
from c2ser.tasks.sampler import BalancedBatches, balance_config, number_draws, read_groups


class TrainingIterFactory(AbsIterFactory):
    """ESPnet's iterator factory over any batches, each draw of an utterance numbered for its augmentation.

    dataset: an ESPnetDataset; batches: epoch → this epoch's global batches of utterance ids; rank, ranks: which part
    of every batch is this process' own; augment: the dataset's AugmentSpeech, None without augmentation.
    """

    def __init__(self, dataset, batches, collate_fn, seed, num_workers, pin_memory, augment=None, rank=0, ranks=1):
        self.dataset, self.batches, self.augment, self.rank, self.ranks = dataset, batches, augment, rank, ranks
        self.seed = seed
        self.loading = {"collate_fn": collate_fn, "num_workers": num_workers, "pin_memory": pin_memory}

    def build_iter(self, epoch, shuffle=None):
        """The batches of one epoch, from 1, as a DataLoader."""
        drawn = [batch[self.rank :: self.ranks] for batch in number_draws(self.batches(epoch))]
        return DataLoader(
            Draws(self.dataset, self.augment, epoch), batch_sampler=drawn, **self.loading,
            worker_init_fn=partial(worker_init_fn, base_seed=epoch + self.seed),
        )  # fmt: skip


class Draws(Dataset):
    """An ESPnetDataset asked by (utterance, number of the draw in the epoch)."""

    def __init__(self, dataset, augment, epoch):
        self.dataset, self.augment, self.epoch = dataset, augment, epoch

    def __getitem__(self, draw):
        utterance, number = draw
        if self.augment:
            self.augment.draw = (self.epoch, number)
        return self.dataset[utterance]


class AugmentSpeech:
    """Preprocessing of training: what the task does to an utterance, then augmentation of its `speech`.

    The random numbers come from (seed, epoch, number of the draw, utterance) alone: not from the batch, the rank or the
    worker that it falls to, nor from what was drawn before, so that a resumed training hears what an unbroken one does.
    """

    def __init__(self, preprocess, augment, seed):
        self.preprocess, self.augment, self.seed = preprocess, augment, seed
        self.draw = (0, 0)

    def __call__(self, utterance, data):
        data = self.preprocess(utterance, data)
        if "speech" not in data:
            raise InputError("--augment: the training reads no data `speech`; leave it out")
        random = np.random.default_rng([self.seed, *self.draw, zlib.crc32(utterance.encode("utf-8"))])
        return {**data, "speech": self.augment(data["speech"], random)}


def balanced_batches(args, options):
    """BalancedBatches from the options of a training. Raises InputError for tables that are not there or do not fit."""
    if not options.shape_files:
        raise InputError("--sampler balanced needs --train_shape_file: it names the utterances to draw from")
    config = balance_config(args.sampler_conf)
    config.batch_size = config.batch_size or options.batch_size
    lengths = read_table(options.shape_files[0])
    samples = {utterance: int(shape.split(",")[0]) for utterance, shape in lengths.items()}
    folder = Path(options.data_path_and_name_and_type[0][0]).parent
    groups = read_groups(folder, config.by, list(samples))
    ranks = torch.distributed.get_world_size() if options.distributed else 1
    sampler = BalancedBatches(groups, samples, config, args.seed, options.num_iters_per_epoch, ranks)
    sampler.report()
    return sampler


def training_iter_factory(args, options, standard, build_dataset):
    """The iterator factory of training with `--sampler balanced` or `--augment` and, in several processes, of training and
    development with `--shuffle_within_batch`.

    args: the training's options; options: ESPnet's IteratorOptions, its preprocess_fn already with the augmentation;
    standard: () → ESPnet's own factory, by `args` and `options`; build_dataset: () → the dataset.
    """
    common = {"collate_fn": options.collate_fn, "seed": args.seed, "num_workers": args.num_workers}
    common |= {"pin_memory": args.ngpu > 0, "augment": options.preprocess_fn if args.augment else None}
    if args.augment and options.max_cache_size:
        raise InputError("--augment with --max_cache_size: a cache would keep an utterance's first augmentation; set it to 0")
    place = {}
    if options.distributed:
        place = {"rank": torch.distributed.get_rank(), "ranks": torch.distributed.get_world_size()}
    if args.sampler == "balanced":
        return TrainingIterFactory(build_dataset(), balanced_batches(args, options).epoch, **common, **place)
    if args.augment:
        logging.info("waveforms of training are augmented: %s", options.preprocess_fn.augment)
    if place and args.shuffle_within_batch:
        # ESPnet would share the batches out, and then deal each part by itself: batches that one process never has, and
        # not as many in each process, of which the last of some are left out
        options.distributed, args.min_batch_size = False, place["ranks"]
    else:
        place = {}  # ESPnet's batches are this rank's already
    factory = standard()

    def batches(epoch):
        return for_all(factory.build_iter(epoch).batch_sampler, place.get("ranks", 1))

    return TrainingIterFactory(factory.dataset, batches, **common, **place)


def for_all(batches, ranks):
    """Batches with an utterance for each of `ranks` processes: a last one that is too small joins the one before it.

    Raises InputError where batches are small by themselves.
    """
    if len(batches) > 1 and len(batches[-1]) < ranks:
        batches = [*batches[:-2], batches[-2] + batches[-1]]
    least = min(map(len, batches))
    if least < ranks:
        raise InputError(f"batches of {least} utterances for {ranks} processes: raise batch_size or batch_bins")
    return batches

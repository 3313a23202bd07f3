"""What ESPnet reads in a training, read without running anything: its own readers would run pickles and commands."""

from contextlib import contextmanager
from unittest import mock

import torch
from espnet2.train.dataset import DATA_TYPES, AdapterForSoundScpReader

from c2ser.ark import read_ark
from c2ser.checkpoints.weights import load_inert
from c2ser.datadir import read_table


class Archives(dict):
    """Utterance → what its entry in an scp of archives points at, read when it is asked for. Commands are refused."""

    def __getitem__(self, utterance):
        return read_ark(super().__getitem__(utterance))


def archives(path, float_dtype=None, max_cache_fd=0, allow_multi_rates=False):
    """ESPnet's reader of data of type kaldi_ark, its arguments the same (max_cache_fd changes nothing)."""
    return AdapterForSoundScpReader(Archives(read_table(path)), float_dtype, allow_multi_rates)


@contextmanager
def inert():
    """Within the block ESPnet reads arks by `archives`, and `torch.load` reads weights and plain values alone
    (`load_inert`): checkpoint.pth, what is averaged, --init_param."""
    load = torch.load

    def load_plain(path, map_location=None, **options):
        return load_inert(path, load, map_location, **options)

    with mock.patch.object(torch, "load", load_plain), mock.patch.dict(DATA_TYPES["kaldi_ark"], func=archives):
        yield

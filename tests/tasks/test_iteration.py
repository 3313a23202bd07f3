"""Batches and augmentation as a training meets them."""

import argparse
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from espnet2.tasks.abs_task import IteratorOptions

from c2ser.datadir import read_table
from c2ser.errors import InputError
from c2ser.tasks.common import SpeechTask, collate, scale_speech
from c2ser.tasks.iteration import for_all
from tests.closeness import FORMULA, assert_rounds_alike, bound

AUGMENT = {"speed": [0.9, 1.1], "noise_db": [5, 20], "gain_db": 6, "mask_spans": 1}


@pytest.fixture
def factory(inputs, monkeypatch):
    """factory(option=…): the iterator factory of training over the small set; rank and ranks as asked."""
    names = classmethod(lambda cls, *args, **kwargs: ("speech", "label"))
    monkeypatch.setattr(SpeechTask, "required_data_names", names)
    monkeypatch.setattr(SpeechTask, "optional_data_names", classmethod(lambda cls, *args, **kwargs: ()))

    def make(rank=0, ranks=1, num_iters=6, cache=0.0, **changes):
        train = inputs / "train"
        data = [(f"{train}/wav.scp", "speech", "kaldi_ark"), (f"{train}/label", "label", "text_int")]
        options = IteratorOptions(
            preprocess_fn=scale_speech, collate_fn=collate, shape_files=[str(train / "speech_shape")], batch_bins=0,
            data_path_and_name_and_type=data,
            batch_type="unsorted", batch_size=4, num_batches=None, max_cache_size=cache, max_cache_fd=0,
            allow_multi_rates=False, distributed=ranks > 1, num_iters_per_epoch=num_iters, train=True,
        )  # fmt: skip
        defaults = {
            "sampler": "balanced", "sampler_conf": {}, "augment": {}, "seed": 3, "num_workers": 0, "ngpu": 0,
            "multi_task_dataset": False, "train_dtype": "float32", "allow_variable_data_keys": False, "fold_length": [],
            "sort_in_batch": "descending", "sort_batch": "descending", "drop_last_iter": False, "min_batch_size": 1,
            "shuffle_within_batch": True,
        }  # fmt: skip
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: ranks)
        args = argparse.Namespace(**{**defaults, **changes})
        return SpeechTask.build_sequence_iter_factory(args, options, "train")

    return make


def batches(made, epoch=1):
    return list(made.build_iter(epoch))


def utterances(made, epoch=1):
    return [ids for ids, _ in batches(made, epoch)]


def same(first, second):
    """The same utterances, and the same samples and labels but for rounding."""

    def alike(one, other):
        return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=bound(one, other, FORMULA, scale=1))

    return all(a == b and all(alike(x[name], y[name]) for name in x) for (a, x), (b, y) in zip(first, second))


def test_number_of_batches_is_honoured(factory):
    assert len(batches(factory(num_iters=2))) == 2
    assert [len(ids) for ids in utterances(factory(num_iters=11))] == [4] * 11
    assert len(batches(factory(num_iters=None))) == 3  # 9 utterances, 4 a batch


@pytest.mark.parametrize("sampler", ["espnet", "balanced"])
def test_an_epoch_is_the_same_whatever_came_before(factory, sampler):
    unbroken = factory(sampler=sampler, augment=AUGMENT)
    first, second = batches(unbroken, 1), batches(unbroken, 2)
    assert same(second, batches(factory(sampler=sampler, augment=AUGMENT), 2))
    assert [ids for ids, _ in first] != [ids for ids, _ in second]
    assert not same(second, batches(factory(sampler=sampler, augment=AUGMENT, seed=4), 2))


def test_ranks_share_the_batches_of_one_process(factory):
    one = batches(factory(augment=AUGMENT))
    parts = [batches(factory(rank, 2, augment=AUGMENT)) for rank in range(2)]
    for (ids, batch), (first, left), (second, right) in zip(one, *parts, strict=True):
        assert first == ids[::2] and second == ids[1::2]
        for half, start in ((left, 0), (right, 1)):
            whole = batch["speech"][start::2]
            assert_rounds_alike(half["speech"], whole[:, : half["speech"].shape[1]], FORMULA)
            assert torch.equal(half["label"], batch["label"][start::2])


def test_ranks_share_batches_that_every_epoch_deals_anew(factory):
    """ESPnet's, of 4 and 5 utterances; of 11 such there are 50 utterances, of which the last are alone."""
    for epoch, num_iters in ((1, 6), (2, 6), (1, 11)):
        one = utterances(factory(sampler="espnet", num_iters=num_iters), epoch)
        parts = [utterances(factory(rank, 2, sampler="espnet", num_iters=num_iters), epoch) for rank in range(2)]
        if len(one[-1]) == 1:
            one[-2:] = [one[-2] + one[-1]]
        assert [batch[::2] for batch in one] == parts[0] and [batch[1::2] for batch in one] == parts[1]


@pytest.mark.parametrize(
    ("sizes", "ranks", "wanted"), [([4, 4, 3], 3, [4, 4, 3]), ([4, 4, 2], 3, [4, 6]), ([4, 1], 2, [5]), ([8], 8, [8])]
)
def test_every_rank_has_a_part_of_the_last_batch(sizes, ranks, wanted):
    numbers = iter(range(99))
    batches = [[next(numbers) for _ in range(size)] for size in sizes]
    made = for_all(batches, ranks)
    assert [len(batch) for batch in made] == wanted and sum(made, []) == sum(batches, [])


def test_workers_change_nothing(factory):
    assert same(batches(factory(augment=AUGMENT)), batches(factory(augment=AUGMENT, num_workers=2)))


def test_augmentation_changes_the_speech_anew_every_time(factory):
    plain = {ids[0]: batch for ids, batch in batches(factory(sampler_conf={"batch_size": 1}, num_iters=18))}
    seen = {}
    for epoch in (1, 2):
        for ids, batch in batches(factory(augment=AUGMENT, sampler_conf={"batch_size": 1}, num_iters=30), epoch):
            seen.setdefault(ids[0], []).append(batch["speech"][0])
            assert torch.equal(batch["label"], plain[ids[0]]["label"])
    assert max(map(len, seen.values())) > 2  # some twice within an epoch
    for utterance, heard in seen.items():
        assert len({tuple(speech[:50].tolist()) for speech in heard}) == len(heard)
        lengths = {round(len(speech) / plain[utterance]["speech"].shape[1], 1) for speech in heard}
        assert lengths <= {0.9, 1.1}


def test_batches_of_espnet_are_kept_under_augmentation(factory):
    plain, augmented = (utterances(factory(sampler="espnet", augment=augment)) for augment in ({}, AUGMENT))
    assert plain == augmented


def test_development_data_are_left_alone(inputs, factory, monkeypatch):
    seen = []
    standard = classmethod(lambda cls, args, iter_options, mode: seen.append(iter_options))
    monkeypatch.setattr(SpeechTask.__mro__[1], "build_sequence_iter_factory", standard)
    args = SimpleNamespace(sampler="balanced", augment=AUGMENT)
    options = SimpleNamespace(preprocess_fn=scale_speech, distributed=False)
    SpeechTask.build_sequence_iter_factory(args, options, "valid")
    assert seen == [options] and options.preprocess_fn is scale_speech


def test_groups_are_read_beside_the_data(factory, inputs):
    made = factory(num_iters=300, sampler_conf={"by": ["language"], "temperature": float("inf"), "batch_size": 2})
    language = read_table(inputs / "train/language")
    drawn = Counter(language[utterance] for ids in utterances(made) for utterance in ids)
    assert drawn["en"] / sum(drawn.values()) == pytest.approx(0.5, abs=0.06)  # a third of the data


def test_bad_input(factory, inputs):
    with pytest.raises(InputError, match="train/colour: no such file"):
        factory(sampler_conf={"by": ["colour"]})
    with pytest.raises(InputError, match="max_cache_size.*set it to 0"):
        factory(augment=AUGMENT, cache=1e6)
    with pytest.raises(InputError, match="augment: unknown pitch"):
        factory(augment={"pitch": 2})
    with pytest.raises(InputError, match="unknown temp"):
        factory(sampler_conf={"temp": 2})
    with pytest.raises(InputError, match="4 or more|5 or more"):
        factory(ranks=5, sampler_conf={"batch_size": 4})
    with pytest.raises(InputError, match="batches of [1-5] utterances for 6 processes: raise batch_size or batch_bins"):
        factory(ranks=6, sampler="espnet").build_iter(1)


def test_speech_is_scaled_before_it_is_augmented(factory):
    made = batches(factory(augment={"gain_db": 3}))
    loud = np.concatenate([batch["speech"].abs().max(1).values for _, batch in made])
    assert 0.05 < loud.min() and loud.max() < 2

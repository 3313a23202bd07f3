"""Batches, folds and choices: nobody is forgotten, nobody is on both sides, limits are kept, a seed says it all."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from c2ser.corpora.base import Corpus, Utterance
from c2ser.corpora.sets import compose
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.inference.batching import run_batches
from c2ser.probe.choose import make_design
from c2ser.tasks.sampler import BalancedBatches, balance_config, number_draws

GROUPS = st.dictionaries(
    st.tuples(st.sampled_from(("-1", "0", "1", "2")), st.sampled_from(("en", "zh"))), st.integers(1, 6), min_size=1
).map(lambda counts: {f"{'_'.join(group)}_{n}": group for group, count in counts.items() for n in range(count)})


@st.composite
def samplers(draw):
    """(sampler, groups, samples, number of ranks): any that is not refused."""
    groups = draw(GROUPS)
    samples = {utterance: draw(st.integers(1, 50)) for utterance in groups}
    ranks = draw(st.integers(1, 4))
    config = {
        "batch_size": draw(st.integers(ranks, 12)), "temperature": draw(st.sampled_from((1.0, 2.0, float("inf")))),
        "unlabelled": draw(st.sampled_from((None, 0.0, 0.3, 1.0))),
        "by": draw(st.sampled_from((["label"], ["label", "language"]))),
    }  # fmt: skip
    groups = {utterance: group[: len(config["by"])] for utterance, group in groups.items()}
    kind = draw(st.sampled_from(("plain", "sorted", "bins")))
    if kind == "sorted":
        config["sort_batches"] = draw(st.integers(1, 4))
    elif kind == "bins":
        config["batch_bins"] = (ranks + draw(st.integers(2, 5))) * max(samples.values())
    batches = draw(st.sampled_from((None, 1, 7)))
    try:
        made = BalancedBatches(groups, samples, balance_config(config), draw(st.integers(0, 9)), batches, ranks)
    except InputError as error:
        assert str(error).startswith("sampler_conf: ")
        assume(False)
    return made, groups, samples, ranks


@given(samplers(), st.integers(1, 3))
def test_batches_keep_their_limits(drawn, epoch):
    sampler, groups, samples, ranks = drawn
    config, batches = sampler.config, sampler.epoch(epoch)
    assert len(batches) == sampler.batches or sampler.batches is None
    for batch in batches:
        assert ranks <= len(batch) and set(batch) <= set(groups)
        if config.batch_bins is None:
            assert abs(len(batch) - config.batch_size) <= (2 if config.sort_batches > 1 else 0)
        else:
            assert len(batch) <= config.batch_size and len(batch) * max(samples[utterance] for utterance in batch) <= config.batch_bins
    if sampler.batches is None:
        taken = [group for group in groups.values() if config.unlabelled != 0.0 or group[0] != "-1"]
        assert sum(map(len, batches)) >= len(taken) > sum(map(len, batches[:-1]))


@given(samplers(), st.integers(1, 3))
def test_the_same_seed_and_epoch_draw_the_same(drawn, epoch):
    sampler, groups, samples, ranks = drawn
    again = BalancedBatches(groups, samples, sampler.config, sampler.seed, sampler.batches, ranks)
    again.epoch(epoch + 1)
    assert again.epoch(epoch) == sampler.epoch(epoch) == sampler.epoch(epoch)


@given(samplers())
def test_ranks_are_disjoint_and_together_the_whole(drawn):
    sampler, _, _, ranks = drawn
    for batch in number_draws(sampler.epoch(1)):
        parts = [batch[rank::ranks] for rank in range(ranks)]
        assert all(parts) and max(map(len, parts)) - min(map(len, parts)) <= 1
        assert sorted(sum(parts, [])) == sorted(batch) and len(set(batch)) == len(batch)


@given(samplers())
def test_a_group_is_gone_through_before_one_of_it_comes_again(drawn):
    sampler, groups, _, _ = drawn
    assume(sampler.config.sort_batches == 1)
    counts = Counter(utterance for batch in sampler.epoch(1) for utterance in batch)
    for group in set(groups.values()):
        members = [counts[utterance] for utterance, own in groups.items() if own == group]
        assert max(members) - min(members) <= 1
    if sampler.config.unlabelled == 0.0:
        assert not any(counts[utterance] for utterance, group in groups.items() if group[0] == "-1")


@given(samplers())
def test_no_class_stands_alone_in_a_batch(drawn):
    sampler, groups, _, _ = drawn
    size = sampler.config.batch_size
    assume(size - math.ceil(sampler.share * size) > 1)  # two of a batch have labels
    for batch in sampler.epoch(1):
        classes = Counter(groups[utterance][0] for utterance in batch if groups[utterance][0] != "-1")
        assert sum(classes.values()) < 2 or min(classes.values()) > 1


@given(GROUPS, st.sampled_from((1.0, 2.0, float("inf"))), st.sampled_from((None, 0.25)))
def test_reported_shares_are_the_temperature_s(groups, temperature, unlabelled):
    """count^(1/T) among the labelled and among the others, by hand."""
    config = balance_config({"batch_size": 8, "temperature": temperature, "unlabelled": unlabelled})
    try:
        sampler = BalancedBatches(groups, dict.fromkeys(groups, 1), config, 0, 1)
    except InputError:
        assume(False)
    counts = Counter(groups.values())
    free = sum(count for group, count in counts.items() if group[0] == "-1") / len(groups)
    share = free if unlabelled is None else unlabelled
    made = {}
    for choice, part in [(sampler.unlabelled, share)] * bool(sampler.unlabelled):
        made |= {group: part * within for group, within in choice.shares()}
    for label, part in sampler.classes.shares() if sampler.classes else ():
        made |= {group: (1 - share) * part * within for group, within in sampler.groups_of[label].shares()}
    for labelled in (True, False):
        own = {group: count ** (1 / temperature) for group, count in counts.items() if (group[0] != "-1") == labelled}
        for group, weight in own.items():
            wanted = (1 - share if labelled else share) * weight / sum(own.values())
            assert made[group] == pytest.approx(wanted, abs=1e-12)


@given(
    st.lists(st.integers(1, 9), max_size=12), st.integers(1, 5), st.sampled_from((None, 12)), st.integers(1, 4), st.randoms()
)  # fmt: skip
def test_every_item_is_done_once_whatever_memory_allows(lengths, size, limit, room, chance):
    """Batches in order, never over their limits; a batch that memory has no room for is done again in halves."""
    items, done = list(enumerate(lengths)), []

    def work(batch):
        assert len(batch) <= size
        assert limit is None or len(batch) == 1 or len(batch) * max(length for _, length in batch) <= limit
        if len(batch) > room and chance.random() < 0.7:
            raise RuntimeError("CUDA out of memory")
        done.extend(batch)

    run_batches(items, size, work, str, lambda item: item[1], limit)
    assert done == items


@st.composite
def corpora(draw, path="folds.tsv"):
    """(folds, utterances): every speaker in one fold, some utterances of each, any classes."""
    speakers = [f"s{number}" for number in range(draw(st.integers(2, 7)))]
    places = [draw(st.integers(1, 4)) for _ in speakers]
    folds = {fold: [s for s, place in zip(speakers, places) if place == fold] for fold in sorted(set(places))}
    classes = st.sampled_from((*EMOTIONS[:3], "unknown"))
    utterances = [
        Utterance(f"{speaker}-{number}", speaker, draw(classes), "en", "x.wav")
        for speaker in speakers for number in range(draw(st.integers(1, 3)))
    ]  # fmt: skip
    return folds, utterances


class Toy(Corpus):
    """A corpus whose folds are given."""

    def read_folds(self):
        return dict(self.folds)


@given(corpora(), st.integers(0, 2))
def test_folds_test_every_speaker_once_and_share_none(drawn, dev_speakers):
    folds, utterances = drawn
    assume(len(folds) > 1)
    try:
        sets, _ = compose(Toy("toy", "Toy", ("en",), "", "", folds=folds), utterances, dev_speakers=dev_speakers)
    except InputError as error:
        assert "one must stay there" in str(error)
        least = min(len({u.speaker for u in utterances} - set(speakers)) for speakers in folds.values())
        assert least <= dev_speakers
        return

    def ids(name):
        return [utterance.id for utterance in sets[name]]

    def speakers(name):
        return {utterance.speaker for utterance in sets[name]}

    everything = [utterance.id for utterance in utterances]
    assert ids("all") == everything
    assert sorted(sum((ids(f"fold{fold}/test") for fold in folds), [])) == sorted(everything)
    for fold, tested in folds.items():
        assert speakers(f"fold{fold}/test") == set(tested)
        assert not speakers(f"fold{fold}/train") & set(tested)
        assert sorted(ids(f"fold{fold}/train") + ids(f"fold{fold}/test")) == sorted(everything)
        if dev_speakers:
            assert len(speakers(f"fold{fold}/dev")) == dev_speakers and speakers(f"fold{fold}/train_nodev")
            assert not speakers(f"fold{fold}/dev") & speakers(f"fold{fold}/train_nodev")
            assert sorted(ids(f"fold{fold}/dev") + ids(f"fold{fold}/train_nodev")) == sorted(ids(f"fold{fold}/train"))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 14)), min_size=2, max_size=30), st.data())
def test_what_is_judged_was_not_fitted_on(rows, data):
    labels, speakers = [row[0] for row in rows], [f"s{row[1]}" for row in rows]
    way = data.draw(st.sampled_from(("dev", "cross_speaker")))
    train = data.draw(st.integers(1, len(rows)))
    try:
        design = make_design(way, labels, speakers, train, seed=data.draw(st.integers(0, 3)))
    except InputError:
        return
    for fitted, held in design.splits:
        assert not set(fitted) & set(held) and len(held) and len(set(labels[row] for row in fitted)) > 1
        if way == "cross_speaker":
            assert not {speakers[row] for row in fitted} & {speakers[row] for row in held}
            assert len(fitted) + len(held) == len(rows)
    judged = sorted(row for _, held in design.splits for row in held)
    if way == "cross_speaker":
        assert judged == list(range(len(rows)))
    assert len(set(judged)) == len(judged) and set(np.asarray(design.final)) <= set(range(len(rows)))

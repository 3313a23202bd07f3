"""Balanced batches: shares by hand, company for every class, and the same draw everywhere."""

import math
from collections import Counter, defaultdict

import pytest

from c2ser.datadir import write_table
from c2ser.errors import InputError
from c2ser.tasks.sampler import BalancedBatches, balance_config, number_draws, read_groups

COUNTS = {("0", "en"): 640, ("0", "zh"): 160, ("1", "en"): 40, ("2", "zh"): 10, ("-1", "en"): 100, ("-1", "zh"): 50}
GROUPS = {f"{'_'.join(group)}_{number}": group for group, count in COUNTS.items() for number in range(count)}
SAMPLES = {utterance: 1000 + 37 * number for number, utterance in enumerate(GROUPS)}


def sampler(groups=GROUPS, seed=5, batches=40, ranks=1, **config):
    return BalancedBatches(groups, SAMPLES, balance_config({"batch_size": 16, **config}), seed, batches, ranks)


def shares(batches, groups=GROUPS):
    drawn = Counter(groups[utterance] for batch in batches for utterance in batch)
    return {group: count / sum(drawn.values()) for group, count in drawn.items()}


@pytest.mark.parametrize("temperature", [1.0, 2.0, math.inf])
def test_shares_follow_the_temperature(temperature):
    weights = {group: count ** (1 / temperature) for group, count in COUNTS.items()}
    wanted = {}
    for labelled, share in ((True, 0.75), (False, 0.25)):
        part = {group: weight for group, weight in weights.items() if (group[0] != "-1") == labelled}
        wanted |= {group: share * weight / sum(part.values()) for group, weight in part.items()}
    made = shares(sampler(temperature=temperature, unlabelled=0.25, batches=2000).epoch(1))
    assert made == pytest.approx(wanted, abs=0.012)


def test_class_language_and_corpus_together():
    """Small corpora are drawn more often than they come, large ones less, within every class and language."""
    counts = {
        ("0", "zh", "esd"): 900, ("0", "zh", "casia"): 100, ("1", "zh", "esd"): 400, ("1", "it", "emovo"): 36,
        ("2", "it", "emovo"): 25, ("2", "pl", "polish"): 9,
    }  # fmt: skip
    groups = {f"{'_'.join(group)}_{number}": group for group, count in counts.items() for number in range(count)}
    config = balance_config({"batch_size": 16, "temperature": 2.0, "by": ["label", "language", "corpus"]})
    made = shares(BalancedBatches(groups, dict.fromkeys(groups, 100), config, 5, 2000).epoch(1), groups)
    roots = {group: count**0.5 for group, count in counts.items()}
    assert made == pytest.approx({group: root / sum(roots.values()) for group, root in roots.items()}, abs=0.012)
    assert made["2", "pl", "polish"] > 4 * 9 / 1470 and made["0", "zh", "esd"] < 0.7 * 900 / 1470


def test_sorted_batches_hold_the_same_utterances_with_less_padding():
    def padding(batches):
        return sum(max(map(SAMPLES.get, batch)) * len(batch) - sum(map(SAMPLES.get, batch)) for batch in batches)

    drawn, made = sampler(temperature=2.0).epoch(1), sampler(temperature=2.0, sort_batches=8).epoch(1)
    assert len(made) == len(drawn) == 40
    for first in range(0, 40, 8):
        inside = [Counter(sum(batches[first : first + 8], [])) for batches in (drawn, made)]
        assert first or inside[0] == inside[1]  # the order of batches takes random numbers too: the first eight alone
        assert sum(inside[1].values()) == 8 * 16
    assert all(14 <= len(batch) <= 18 for batch in made)
    assert padding(made) < 0.25 * padding(drawn)
    assert made != sorted(made, key=lambda batch: max(map(SAMPLES.get, batch)))


def test_sorted_batches_keep_company_together():
    for batch in sampler(temperature=2.0, sort_batches=4, unlabelled=0).epoch(1):
        assert min(Counter(GROUPS[utterance][0] for utterance in batch).values()) >= 2


def test_unlabelled_take_their_share_of_the_data_unless_told():
    made = shares(sampler(batches=2000).epoch(1))
    assert sum(share for group, share in made.items() if group[0] == "-1") == pytest.approx(0.15, abs=0.005)
    assert not any(group[0] == "-1" for group in shares(sampler(unlabelled=0).epoch(1)))
    assert all(group[0] == "-1" for group in shares(sampler(unlabelled=1).epoch(1)))


@pytest.mark.parametrize("size", [3, 8, 17])
@pytest.mark.parametrize("more", [{}, {"batch_bins": 400000}])
def test_every_class_has_company(size, more):
    alone = 0
    for batch in sampler(batch_size=size, temperature=math.inf, unlabelled=0.2, **more).epoch(1):
        assert len(batch) <= size and (more or len(batch) == size)
        labels = Counter(GROUPS[utterance][0] for utterance in batch if GROUPS[utterance][0] != "-1")
        alone += sum(count == 1 for count in labels.values())
        assert len(set(batch)) == len(batch)
    assert alone == 0


def test_positives_may_speak_another_language():
    mixed = 0
    for batch in sampler(batch_size=2, unlabelled=0, temperature=math.inf).epoch(1):
        first, second = (GROUPS[utterance] for utterance in batch)
        assert first[0] == second[0]
        mixed += first[1] != second[1]
    assert mixed > 0


def test_nothing_comes_twice_before_all_have_come():
    times = defaultdict(Counter)
    for batch in sampler(temperature=2, batches=100).epoch(1):
        for utterance in batch:
            times[GROUPS[utterance]][utterance] += 1
    for group, seen in times.items():
        assert max(seen.values()) - (min(seen.values()) if len(seen) == COUNTS[group] else 0) <= 1


def test_an_epoch_follows_from_seed_and_number():
    one = sampler()
    first, second = one.epoch(1), one.epoch(2)
    assert first == sampler().epoch(1) and second == sampler().epoch(2) and first != second
    assert sampler(seed=6).epoch(1) != first
    other = dict(reversed(GROUPS.items()))
    assert shares(sampler(groups=other).epoch(1)) == shares(first)


def test_length_of_an_epoch():
    assert len(sampler(batches=7).epoch(1)) == 7
    drawn = sum(map(len, sampler(batches=None).epoch(1)))
    assert len(GROUPS) <= drawn < len(GROUPS) + 16
    drawn = sum(map(len, sampler(batches=None, unlabelled=0).epoch(1)))
    assert 850 <= drawn < 866


def test_batches_end_before_their_limit():
    batches = sampler(batch_size=40, batch_bins=500_000, batches=300, temperature=2).epoch(1)
    padded = [len(batch) * max(SAMPLES[utterance] for utterance in batch) for batch in batches]
    assert max(padded) <= 500_000 and sum(padded) / len(padded) > 400_000
    free = shares(sampler(temperature=2, batches=2000).epoch(1))
    made = shares(sampler(batch_size=40, batch_bins=500_000, batches=2000, temperature=2).epoch(1))
    assert made == pytest.approx(free, abs=0.015)  # long utterances are not put off for ever


@pytest.mark.parametrize("ranks", [2, 3])
def test_no_rank_is_empty(ranks):
    longest = max(SAMPLES.values())
    for config in ({"batch_size": ranks}, {"batch_size": ranks + 2, "batch_bins": (ranks + 3) * longest}):
        shared = sampler(ranks=ranks, temperature=2, **config).epoch(1)
        assert all(batch[rank::ranks] for batch in shared for rank in range(ranks))
        assert shared == sampler(ranks=1, temperature=2, **config).epoch(1)


def test_a_class_of_one_utterance_is_paired_with_itself(caplog):
    groups = {"a": ("0",), "b": ("1",), "c": ("1",)}
    config = balance_config({"by": ["label"], "batch_size": 4})
    made = BalancedBatches(groups, dict.fromkeys(groups, 100), config, 0, 20)
    with caplog.at_level("INFO"):
        made.report()
    assert "class 0 has a single utterance" in caplog.text and "group 1: 2 utterances, 66.7% of data" in caplog.text
    assert {count for batch in made.epoch(1) for label, count in Counter(groups[u][0] for u in batch).items()} <= {2, 4}


def test_what_is_left_out_is_said(caplog):
    with caplog.at_level("INFO"):
        sampler(unlabelled=0).report()
    assert "150 utterances without a label are left out" in caplog.text


def test_draws_are_numbered():
    assert number_draws([["a", "b"], ["a"], ["b", "b"]]) == [[("a", 0), ("b", 0)], [("a", 1)], [("b", 1), ("b", 2)]]


def test_groups_from_tables(tmp_path):
    write_table(tmp_path / "label", {"a": 3, "b": -1})
    write_table(tmp_path / "language", {"a": "en", "b": "zh", "c": "pl"})
    assert read_groups(tmp_path, ("label", "language"), ["b", "a"]) == {"b": ("-1", "zh"), "a": ("3", "en")}
    with pytest.raises(InputError, match="label: 1 utterances of the training have no entry, the first c"):
        read_groups(tmp_path, ("label", "language"), ["a", "c"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"temperature": 0}, "temperature 0"), ({"unlabelled": 1.5}, "unlabelled 1.5"),
        ({"by": []}, "name at least one"), ({"colour": 1}, "unknown colour; known are by, temp"),
        ({"batch_size": 1, "ranks": 2}, "2 or more leave none empty"),
        ({"temperature": "high"}, "sampler_conf: a value of the wrong kind among .*high"), ({"by": [5]}, "name at least one"),
        ({"batch_size": 2.5}, "batch_size 2.5: expected a whole"), ({"batch_bins": "many"}, "batch_bins 'many': expected"),
        ({"batch_bins": 100}, "the longest utterance has"), ({"batch_bins": 10**6, "batch_size": 2}, "3 or more"),
        ({"batch_size": 3, "sort_batches": 4, "ranks": 2}, "4 or more leave none empty"),
    ],
)  # fmt: skip
def test_bad_configurations(config, message):
    with pytest.raises(InputError, match=message):
        sampler(**config)


def test_one_table_need_not_be_a_list():
    """Letter by letter it would be five tables."""
    assert balance_config({"by": "label"}).by == ("label",)


def test_shares_that_nothing_can_fill():
    labelled = {utterance: group for utterance, group in GROUPS.items() if group[0] != "-1"}
    with pytest.raises(InputError, match="every utterance has a label"):
        sampler(labelled, unlabelled=0.2)
    with pytest.raises(InputError, match="no utterance has a label"):
        sampler({utterance: group for utterance, group in GROUPS.items() if group[0] == "-1"}, unlabelled=0.2)
    assert len(sampler(labelled).epoch(1)) == 40

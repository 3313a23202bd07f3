"""Balanced batches: utterances drawn by class and language, so that rare emotions are seen and have company.

The paper names both imbalances as limits of its training (neutral is half of its data, Chinese twice its English);
L_cate sees nothing of a class that stands alone in a batch.
"""

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import chain

import numpy as np

from c2ser.datadir import read_table
from c2ser.errors import InputError
from c2ser.options import build, is_count

CLASS_TABLE = "label"
"""Table of class indices; its value −1 is an unlabelled utterance."""


@dataclass
class BalanceConfig:
    """What `--sampler_conf` takes. Raises InputError for values that make no batches."""

    by: tuple = (CLASS_TABLE, "language")
    """Tables beside the training's first data file; a group is the utterances that agree in all of them."""
    temperature: float = 1.0
    """A group is drawn in proportion to count^(1/temperature): 1: as they come; 2: square root; .inf: all alike."""
    unlabelled: float | None = None
    """Share of a batch without a label; null: their share of the data. 0 leaves them out."""
    batch_size: int | None = None
    """Utterances in a batch, over all ranks; null: the training's --batch_size."""
    batch_bins: int | None = None
    """Samples in a batch, padding included, over all ranks: a batch ends before it exceeds them; null: no limit."""
    sort_batches: int = 1
    """So many batches are drawn at a time and shared out anew by length, for less padding, which makes some larger or
    smaller by two; 1: they stay as drawn."""

    def __post_init__(self):
        self.by = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        if not self.by or not all(isinstance(name, str) and name for name in self.by):
            raise InputError(f"sampler_conf: by: name at least one table, such as {CLASS_TABLE}")
        if not self.temperature > 0:
            raise InputError(f"sampler_conf: temperature {self.temperature}: expected a number above 0, or .inf")
        for name in ("batch_size", "batch_bins", "sort_batches"):
            value = getattr(self, name)
            if not is_count(value) and (value is not None or name == "sort_batches"):
                raise InputError(f"sampler_conf: {name} {value!r}: expected a whole number from 1")
        if self.sort_batches > 1 and self.batch_bins is not None:
            raise InputError("sampler_conf: sort_batches and batch_bins: choose one")
        if self.unlabelled is not None and not 0 <= self.unlabelled <= 1:
            raise InputError(f"sampler_conf: unlabelled {self.unlabelled}: expected a share from 0 to 1, or null")


def balance_config(values):
    """A dict from a configuration file → BalanceConfig. Raises InputError for an unknown key or a wrong value."""
    return build(BalanceConfig, values, "sampler_conf")


def read_groups(folder, names, utterances):
    """Utterance → its values in the tables `names` of a folder, a tuple. Raises InputError where one has no entry."""
    tables = [(folder / name, read_table(folder / name)) for name in names]
    for path, table in tables:
        missing = [utterance for utterance in utterances if utterance not in table]
        if missing:
            raise InputError(f"{path}: {len(missing)} utterances of the training have no entry, the first {missing[0]}")
    return {utterance: tuple(table[utterance] for _, table in tables) for utterance in utterances}


class BalancedBatches:
    """The batches of every epoch, drawn from (seed, epoch) alone, so that a resumed training and every rank see the same.

    groups: utterance → its group, the values of `config.by`; samples: utterance → its length, for `batch_bins`;
    batches: of an epoch (None: as many as draw as many utterances as there are). Labelled utterances come in pairs of
    one class — the class drawn first, then each utterance's group within it — so that L_cate finds positives, while
    every utterance's group still has the probability that the temperature gives. Within an epoch a group is gone
    through before one of its utterances comes again. `batch_size` and `batch_bins` count over all ranks. Raises
    InputError where no labelled or no unlabelled utterance is left to draw, or a rank could be left without any.
    """

    def __init__(self, groups, samples, config, seed, batches=None, ranks=1):
        self.config, self.samples, self.seed, self.batches = config, samples, seed, batches
        place = config.by.index(CLASS_TABLE) if CLASS_TABLE in config.by else None
        self.members, self.class_of = defaultdict(list), {}
        for utterance, group in groups.items():
            self.members[group].append(utterance)
            self.class_of[utterance] = _class_of(group, place)
        parts = defaultdict(list)  # class (None: unlabelled) → its groups, in an order that nothing else decides
        for group in sorted(self.members):
            parts[_class_of(group, place)].append(group)
        free = parts.pop(None, [])
        without = sum(len(self.members[group]) for group in free)
        self.share = without / len(groups) if config.unlabelled is None else config.unlabelled
        self.unlabelled = Choice(free, self.weight) if free and self.share > 0 else None
        self.groups_of = {label: Choice(part, self.weight) for label, part in parts.items()}
        self.classes = Choice(sorted(parts), lambda label: self.groups_of[label].total) if parts else None
        self.total = len(groups) if self.share > 0 else len(groups) - without
        self._check(ranks)

    def weight(self, group):
        return len(self.members[group]) ** (1.0 / self.config.temperature)

    def _check(self, ranks):
        size, bins = self.config.batch_size, self.config.batch_bins
        if self.share > 0 and self.unlabelled is None:
            raise InputError(f"sampler_conf: unlabelled {self.share}, but every utterance has a label")
        if self.share < 1 and self.classes is None:
            raise InputError(f"sampler_conf: unlabelled {self.share}, but no utterance has a label")
        least = ranks if bins is None and self.config.sort_batches == 1 else ranks + 2  # what stays together: three at most
        if size < least:
            raise InputError(f"sampler_conf: batch_size {size} for {ranks} ranks: {least} or more leave none empty")
        longest = max(self.samples.values())
        if bins is not None and bins < (ranks + 3) * longest:
            raise InputError(
                f"sampler_conf: batch_bins {bins}: the longest utterance has {longest} samples; "
                f"{(ranks + 3) * longest} or more leave no rank empty"
            )

    def epoch(self, epoch):
        """The batches of epoch `epoch` (from 1), lists of utterance ids, the same on every rank."""
        random = np.random.default_rng([self.seed, epoch])
        decks = {group: Deck(members, random) for group, members in self.members.items()}
        batches, drawn = [], 0
        for batch in self._batches(random, decks):
            batches.append(batch)
            drawn += len(batch)
            if len(batches) == self.batches or (self.batches is None and drawn >= self.total):
                return batches

    def _batches(self, random, decks):
        """Endless batches; under `batch_bins` what does not fit opens the next batch."""
        bins, batch, longest = self.config.batch_bins, [], 0
        while True:
            if bins is None:
                yield from self._sorted([self._draw(random, decks) for _ in range(self.config.sort_batches)], random)
                continue
            for unit in self._draw(random, decks):
                length, size = max(longest, self._longest(unit)), len(batch) + len(unit)
                if batch and (size > self.config.batch_size or size * length > bins):
                    yield batch
                    batch, length = [], self._longest(unit)
                batch, longest = batch + unit, length

    def _sorted(self, drawn, random):
        """The same number of batches of the same utterances, each beside others of its length, in random order."""
        if len(drawn) > 1:
            units = sorted(self._by_length(chain.from_iterable(drawn)), key=self._longest)
            ends, shares = np.cumsum([len(unit) for unit in units]), [[] for _ in drawn]
            for unit, place in zip(units, (ends - 1) * len(drawn) // ends[-1]):
                shares[place].append(unit)
            drawn = [shares[one] for one in random.permutation(len(drawn))]
        return [[utterance for unit in batch for utterance in unit] for batch in drawn]

    def _by_length(self, units):
        """Units of a class, made anew so that those of like length stay together: pairs, or one of three."""
        parts = defaultdict(list)
        for unit in units:
            parts[self.class_of[unit[0]]].extend(unit)
        made = [[[utterance] for utterance in parts.pop(None, [])]]
        for label in sorted(parts):
            members = sorted(parts[label], key=self.samples.get)
            pairs = [members[first : first + 2] for first in range(0, len(members), 2)]
            if len(pairs) > 1 and len(pairs[-1]) == 1:
                pairs[-2:] = [pairs[-2] + pairs[-1]]
            made.append(pairs)
        return sum(made, [])

    def _longest(self, unit):
        return max(map(self.samples.get, unit))

    def _draw(self, random, decks):
        """`batch_size` utterances in units that stay together: pairs (one of three) of a class, single unlabelled ones."""
        size, taken = self.config.batch_size, set()
        without = min(size, int(self.share * size + random.random()))
        labelled = size - without
        labels = self.classes.draw(random, labelled // 2 or min(1, labelled)) if labelled else []
        counts = [2 if labelled > 1 else 1] * len(labels)
        if labelled > 1 and labelled % 2:
            counts[random.integers(len(counts))] += 1
        plan = [(self.groups_of[label], count) for label, count in zip(labels, counts)]
        plan += [(self.unlabelled, 1)] * without
        units = []
        for number in random.permutation(len(plan)):
            choice, count = plan[number]
            units.append([decks[group].draw(taken) for group in choice.draw(random, count)])
        return units

    def report(self):
        """Log every group: its utterances, its share of the data and its share of the batches."""
        rows = [(self.unlabelled, self.share)] if self.unlabelled else []
        if self.classes:
            rows += [(self.groups_of[label], (1 - self.share) * p) for label, p in self.classes.shares()]
        everything = sum(map(len, self.members.values()))
        if self.total < everything:
            logging.info(f"{everything - self.total} utterances without a label are left out (unlabelled: 0)")
        for choice, share in rows:
            for group, within in choice.shares():
                name, count = ", ".join(group), len(self.members[group])
                part, drawn = count / everything, share * within
                logging.info(f"group {name}: {count} utterances, {part:.1%} of data, {drawn:.1%} of batches")
        for label, choice in self.groups_of.items():
            if sum(len(self.members[group]) for group in choice.items) == 1:
                logging.warning(f"class {label} has a single utterance, which is paired with itself")


class Choice:
    """Draws items in proportion to a weight."""

    def __init__(self, items, weight):
        weights = np.array([weight(item) for item in items], dtype=float)
        self.items, self.total = list(items), float(weights.sum())
        self.ends = weights.cumsum() / self.total
        self.ends[-1] = 1.0

    def draw(self, random, count):
        return [self.items[number] for number in self.ends.searchsorted(random.random(count), side="right")]

    def shares(self):
        return zip(self.items, np.diff(self.ends, prepend=0.0).tolist())


class Deck:
    """A group's utterances in random order, shuffled again when they run out."""

    def __init__(self, members, random):
        self.members, self.random, self.left = members, random, []

    def draw(self, taken):
        """The next utterance, entered into `taken`, which stand last when the deck is shuffled anew."""
        if not self.left:
            order = [self.members[number] for number in self.random.permutation(len(self.members))]
            self.left = sorted(order, key=lambda utterance: utterance not in taken)  # drawn from the end
        utterance = self.left.pop()
        taken.add(utterance)
        return utterance


def number_draws(batches):
    """Batches of utterances → batches of (utterance, how often it came before in the epoch)."""
    seen, numbered = Counter(), []
    for batch in batches:
        numbered.append([])
        for utterance in batch:
            numbered[-1].append((utterance, seen[utterance]))
            seen[utterance] += 1
    return numbered


def _class_of(group, place):
    """The class of a group: None where unlabelled; one class for all where no table of classes is balanced by."""
    if place is None:
        return ""
    return None if group[place] == "-1" else group[place]

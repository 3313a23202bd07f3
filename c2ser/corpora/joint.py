"""Data directories over several prepared corpora: joint folds, a test set for each corpus, and one corpus left out.

What is written under the data directory, where c stands for a corpus and k for a fold:

- `all`, and `fold<k>/{train,train_nodev,dev,test}`: the union of what each corpus has in fold k. A corpus without that
  fold is there for training, all of it; one with official splits brings them to every fold.
- `test/<c>/fold<k>`: what c brings to fold k's test. A corpus is scored by these sets. Over the folds they share
  no utterance where c has folds of its own; an official test is the same in all of them, so one fold's model scores it,
  or each by itself, and they are never pooled.
- `without_<c>/{train,train_nodev,dev,test}`, where asked for: trained on the other corpora, tested on c.

In every set utterances, speakers and recordings are called `<c>_…`, and utt2corpus says where an utterance comes from.
"""

import re
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from c2ser.corpora.prepared import PARTS, read_prepared
from c2ser.corpora.sets import SPLITS
from c2ser.corpora.writing import all_or_none
from c2ser.datadir.datadir import invert
from c2ser.datadir.faults import some
from c2ser.datadir.operations import join, restrict
from c2ser.datadir.replace import replace_all
from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS, UNLABELLED
from c2ser.errors import InputError

ABSENT = "–"


def combine_corpora(named, data_dir, leave_out=False):
    """Write the joint data directories of prepared corpora under `data_dir`, all of them or, on an error, none.

    Args:
        named: pairs of a corpus' name and the folder that c2ser prepare-data wrote for it.
        leave_out: write `without_<c>` for every corpus that has training data.
    Returns:
        (rows of a table corpus × class, the header first; lines on what was written and what was left out).
    Raises:
        InputError: for a name that ids cannot start with, a corpus given twice, what `read_prepared` and
            `operations.join` refuse, two corpora that share recordings or speaker ids, and a source that would be
            overwritten.
    """
    _check_names(named)
    corpora = [read_prepared(name, path) for name, path in tqdm(named, desc="reading", unit="corpus", disable=None)]
    _check_apart(corpora)
    joined, partial = join({f"{corpus.path}/all": corpus.tables for corpus in corpora})
    sets, remarks = compose(corpora)
    if leave_out:
        further, said = compose_without(corpora)
        sets, remarks = sets | further, remarks + said
    tops = {name.partition("/")[0] for name in sets}
    _check_sources(corpora, Path(data_dir), tops)
    with all_or_none(data_dir) as staging:
        for name, members in tqdm(sets.items(), desc="writing", unit="set", disable=None):
            tables = restrict(joined, set(members))
            replace_all(staging / name, {**tables, "spk2utt": invert(tables["utt2spk"])})
    lines = [f"{corpus.name}: {remark}" for corpus in corpora for remark in corpus.remarks]
    lines += [f"{table} left out: absent from {', '.join(without)}" for table, without in partial.items()]
    lines += remarks + _stale(Path(data_dir), tops) + _sizes(sets)
    return table_rows(corpora), lines


def compose(corpora):
    """Sort the utterances of `Prepared` corpora into joint sets: ({name of the set: utterances}, remarks)."""
    folds = sorted({fold for corpus in corpora for fold in corpus.folds}) or [1]
    sets = {"all": [utterance for corpus in corpora for utterance in corpus.utterances]}
    remarks = []
    for fold in folds:
        for part in PARTS:
            members = [utterance for corpus in corpora for utterance in corpus.parts(fold).get(part, ())]
            if members:
                sets[f"fold{fold}/{part}"] = members
            else:
                remarks.append(f"no fold{fold}/{part}: no corpus has anything for it")
    for corpus in corpora:
        tests = {fold: corpus.parts(fold).get("test") for fold in folds}
        sets |= {f"test/{corpus.name}/fold{fold}": members for fold, members in tests.items() if members}
        absent = [fold for fold in folds if fold not in corpus.folds]
        if corpus.official.get("test") and len(folds) > 1:
            remarks.append(f"{corpus.name}: its official test is the same in all folds; never pool it over them")
        elif not corpus.official and absent:
            numbers = " ".join(map(str, absent))
            remarks.append(f"{corpus.name}: has no fold {numbers}: there all of it is for training")
    return sets, remarks


def compose_without(corpora):
    """For each corpus with training data: train on the others, test on it. Returns what `compose` returns.

    train is the official train of the others, or all of them; dev their official dev, or that of their first fold;
    test the left-out corpus' official test, or all of it. With fewer than two corpora to train on there are none.
    """
    trained = [corpus for corpus in corpora if corpus.training]
    if len(trained) < 2:
        return {}, ["no without_…: it takes two corpora with training data, one to leave out and one to train on"]
    sets, remarks = {}, []
    for left in trained:
        others = [corpus for corpus in trained if corpus is not left]
        train = [utterance for corpus in others for utterance in corpus.training]
        dev = [utterance for corpus in others for utterance in corpus.dev]
        chosen = set(dev)
        members = (train, [utterance for utterance in train if utterance not in chosen], dev, left.testing)
        for part, utterances in zip(PARTS, members):
            if utterances:
                sets[f"without_{left.name}/{part}"] = utterances
            else:
                remarks.append(f"no without_{left.name}/{part}: no corpus has anything for it")
    return sets, remarks


def table_rows(corpora):
    """Rows of a table, the header first: a row for each corpus and one for all, with the number of each class."""
    seen = {label for corpus in corpora for label in _labels(corpus)}
    labels = [label for label in EMOTIONS + FURTHER_EMOTIONS if label in seen]
    rows = [["Corpus", "utterances", "speakers", "hours", "languages", "folds", *labels]]
    rows += [_row(corpus.name, [corpus], _folds(corpus), labels) for corpus in corpora]
    return [*rows, _row("all", corpora, "", labels)]


def _row(name, corpora, folds, labels):
    def values(table):
        return [value for corpus in corpora for value in corpus.tables.get(table, {}).values()]

    timed = all("utt2dur" in corpus.tables for corpus in corpora)
    hours = f"{sum(map(float, values('utt2dur'))) / 3600:.2f}" if timed else ABSENT
    languages = " ".join(sorted(set(values("utt2lang")))) or ABSENT
    counts, speakers = Counter(label for corpus in corpora for label in _labels(corpus)), len(set(values("utt2spk")))
    cells = [str(counts[label]) if counts[label] else ABSENT for label in labels]
    return [name, str(counts.total()), str(speakers), hours, languages, folds, *cells]


def _labels(corpus):
    """What utt2emo says of every utterance, `unknown` where it says nothing."""
    return [corpus.tables["utt2emo"].get(utterance, UNLABELLED) for utterance in corpus.utterances]


def _folds(corpus):
    parts = [part for part in SPLITS if part in corpus.official]
    if parts:
        return "official " + " ".join(parts)
    return " ".join(map(str, corpus.folds)) or "none"


def _check_names(named):
    names, folders = Counter(name.lower() for name, _ in named), Counter(Path(path).resolve() for _, path in named)
    if not named:
        raise InputError("no corpus is named: give --corpus name=folder for each")
    for name, path in named:
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise InputError(f"--corpus {name}={path}: a name is of ASCII letters, digits, _ and -; ids start with it")
        if names[name.lower()] > 1:
            raise InputError(f"--corpus {name}: given twice (case is not told apart); give every corpus once")
        if folders[Path(path).resolve()] > 1:
            raise InputError(f"--corpus {name}={path}: that folder is given twice; give every corpus once")


def _check_apart(corpora):
    """Refuse two corpora with the same audio, one of which might test what the other trains, or the same speakers."""
    for table, what in (("wav.scp", "recordings"), ("utt2spk", "speaker ids")):
        holder, shared = {}, {}
        for corpus in corpora:
            for value in corpus.tables[table].values():
                other = holder.setdefault(value, corpus.name)
                if other != corpus.name:
                    shared.setdefault((other, corpus.name), []).append(value)
        for (one, other), values in shared.items():
            names = some(dict.fromkeys(values))
            raise InputError(
                f"{one} and {other} have {len(set(values))} {what} in common: {names}; "
                + ("prepare them without what they share" if table == "wav.scp" else "give one another name")
            )


def _check_sources(corpora, data_dir, tops):
    written = {(data_dir / top).resolve() for top in tops}
    for corpus in corpora:
        source = (corpus.path / "all").resolve()
        if written.intersection((source, *source.parents)):
            raise InputError(f"{corpus.path} would be overwritten by the joint sets; give another --data_dir")


def _stale(data_dir, tops):
    """Remarks on sets under `data_dir` that this run did not write."""
    found = [path for pattern in ("fold[0-9]*", "without_*", *PARTS) for path in sorted(data_dir.glob(pattern))]
    left = [path for path in found if path.is_dir() and path.name not in tops]
    return [f"{path} is left from an earlier run and belongs to other data: remove it" for path in left]


def _sizes(sets):
    """One line for each folder of sets: how many utterances each of them holds."""
    folders = {}
    for name, members in sets.items():
        folder, _, part = name.rpartition("/")
        folders.setdefault(folder or part, []).append(f"{part} {len(members)}" if folder else f"{len(members)}")
    return [f"{folder}: {', '.join(sizes)}" for folder, sizes in folders.items()]

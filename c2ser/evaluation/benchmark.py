"""Many systems on the test sets of many corpora: what each reaches on each, and whether it was trained on it.

The corpora are joined (c2ser.corpora.joint): `test/<corpus>/fold<k>` under the data directory is what a corpus brings
to fold k. A system's answers may be kept anywhere: by fold, by corpus or all together, of more utterances than a test
set has, and with ids that lack their `<corpus>_`, as those of a corpus' own recipe do.
"""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from c2ser.datadir import DataDir, read_table
from c2ser.datadir.faults import some
from c2ser.errors import InputError
from c2ser.evaluation import metrics
from c2ser.evaluation.answer_table import AnswerTable
from c2ser.evaluation.answers import read_answer_set
from c2ser.evaluation.bootstrap import DRAWS, jackknife, mean_error, resampling_units, sampled_scores, student
from c2ser.evaluation.compare import correct, difference_of, marks_of, pool
from c2ser.evaluation.predictions import label_order, of_corpus, read_set
from c2ser.evaluation.restricted import restrict
from c2ser.evaluation.scoring import score_sets

TRAINED = ("joint", "own", "others", "none", "unknown")
"""On what a system was trained, beside names of corpora: all that have training data; the corpus that is tested; all
but that one; none of them; nobody knows."""
ANSWERS = "answers"
"""Stands for the table of a system whose answers are in files of labels or free text."""
IN_DOMAIN, ZERO_SHOT, UNKNOWN = "in-domain", "zero-shot", "unknown"


@dataclass(frozen=True)
class System:
    """A row: where its answers are, on what it was trained, which table of a decoding counts.

    answers: paths, of which the first that has answers to a test set is taken; `{corpus}` and `{fold}` stand for those
    of the set. Each is a decoding directory or, where `table` is `ANSWERS`, a file of answers. trained: one of
    `TRAINED`, or names of corpora.
    """

    name: str
    answers: tuple
    trained: tuple
    table: str = "utt2pred"

    def path(self, corpus, fold, wanted):
        """The first of the paths that answers one of the utterances `wanted`; None where there is none."""
        for pattern in self.answers:
            path = Path(pattern.replace("{corpus}", corpus).replace("{fold}", str(fold)))
            if self.table == ANSWERS:
                answered = path.is_file()
            else:
                table = path / self.table
                answered = table.is_file() and of_corpus(read_table(table), wanted, corpus)
            if answered:
                return path
        return None


def trained_mark(trained, corpus, joint):
    """Whether a corpus was in a system's training; joint: the names of all corpora with training data."""
    if trained == ("unknown",):
        return UNKNOWN
    seen = {("joint",): joint, ("own",): {corpus}, ("others",): joint - {corpus}, ("none",): set()}
    return IN_DOMAIN if corpus in seen.get(trained, trained) else ZERO_SHOT


@dataclass(frozen=True)
class Column:
    """A column: fold → test set. They share no utterance; of an official test, the same in all folds, there is one."""

    name: str
    sets: dict
    official: bool = False


def read_columns(data_dir, corpora=(), folds=()):
    """The `Column`es under a joint data directory, all or those named, with all folds or those named.

    Raises InputError where there is none, or one that is named is not there, or sets of folds overlap in part.
    """
    root = Path(data_dir) / "test"
    found = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    absent = [name for name in corpora if name not in found]
    if absent or not found:
        what = ", ".join(absent) or "any corpus"
        raise InputError(f"{root}: no test sets of {what}; c2ser combine-corpora writes them")
    columns = []
    for name in corpora or found:
        numbers = sorted(int(path.name[4:]) for path in (root / name).glob("fold*") if path.name[4:].isdigit())
        paths = {fold: root / name / f"fold{fold}" for fold in numbers if not folds or fold in folds}
        if not paths:
            wanted = " ".join(map(str, folds))
            raise InputError(f"{root / name}: none of the folds {wanted}; leave {name} out, or name others")
        columns.append(_without_repetition(name, paths))
    return columns


def _without_repetition(name, paths):
    kept, taken = {}, set()
    for fold, path in paths.items():
        utterances = set(DataDir(path).utterances())
        if not utterances & taken:
            kept[fold] = path
            taken |= utterances
        elif utterances != taken:
            raise InputError(f"{path}: shares utterances with another fold's test, {some(sorted(utterances & taken))}")
    return Column(name, kept, official=len(kept) < len(paths))


def trained_corpora(data_dir, folds):
    """The corpora that are trained on in any of these folds, by the utt2corpus of their train."""
    found = set()
    for fold in folds:
        train = DataDir(Path(data_dir) / f"fold{fold}" / "train")
        if train.path.is_dir():
            found |= set(train.read("utt2corpus").values())
    return found


def read_benchmark(data_dir, systems, corpora=(), folds=()):
    """Read every system's answers to every corpus, as an `AnswerTable` of what is there.

    Args:
        data_dir: the joint data directory.
        systems: `System`s, the rows in their order.
        corpora, folds: names and numbers to take; () for all.
    Returns:
        An `AnswerTable` without a reference. Its `page` holds `corpora`: name → what its test set is (`_describe`);
        `systems`: name → {`trained`, `answers`, `table`}, also of those without answers; `missing`, `problems`: lines
        on what was not there, and what was wrong with files of answers (how it counts: `c2ser.evaluation.answers`).
    Raises:
        InputError: for an unknown name, and answers that are there but incomplete or faulty.
    """
    columns = read_columns(data_dir, corpora, folds)
    joint = trained_corpora(data_dir, sorted({fold for column in columns for fold in column.sets}))
    answers, missing, problems = {}, [], []
    for system in systems:
        lacking = []
        cells = [_read_cell(system, column, lacking, problems) for column in columns]
        answers[system.name] = [one for sets in cells if sets for one in sets]
        if not any(cells):
            lacking = [f"{system.name}, on all test sets: no {system.table} in {' or '.join(system.answers)}"]
        missing += lacking
    described = {column.name: _describe(column, joint) for column in columns}
    page = {
        "corpora": described, "missing": missing, "problems": problems,
        "systems": {one.name: {"trained": list(one.trained), "answers": list(one.answers), "table": one.table}
                    for one in systems},
    }  # fmt: skip
    return AnswerTable(
        {name: sets for name, sets in answers.items() if sets}, {system.name: system.table for system in systems}, "",
        page=page, classes={path: one["classes"] for one in described.values() for path in one["sets"]},
    )  # fmt: skip


def score_benchmark(table, reference=None, against=None, draws=DRAWS, seed=0, unit="speaker"):
    """Score every system on every corpus, and test some of them against a reference on each.

    Args:
        table: what `read_benchmark` gives, or what `read_answer_table` gives of it.
        reference: name of the system that the others are tested against; None for no tests.
        against: names of those others; None for all.
        draws, seed, unit: as for `score_sets`.
    Returns:
        A dict that JSON can hold: `reference`, `draws`, `seed`; what the table's `page` holds, `systems` with `marks`,
        `cells`: corpus → {`mark`, and the score as `score_sets` gives it} or None, `mean`: UA over the corpora or None;
        `tests`: a list of {system, corpus, swapped, mcnemar}, p values corrected by Holm over all of them.
    Raises:
        InputError: for an unknown name, and a table that is not a benchmark's.
    """
    if not {"corpora", "systems", "missing", "problems"} <= table.page.keys():
        raise InputError("not the answers of a benchmark; c2ser compare makes the page of other answers")
    corpora, rows = table.page["corpora"], table.page["systems"]
    against = [name for name in rows if name != reference] if against is None else list(against)
    unknown = [name for name in [*([reference] if reference else []), *against] if name not in rows]
    if unknown:
        raise InputError(f"{', '.join(unknown)}: not one of the systems {', '.join(rows)}")
    joint = {name for name, corpus in corpora.items() if corpus["trained"]}
    systems, read = {}, {}
    for name, row in rows.items():
        found = {one.data_dir: one for one in table.systems.get(name, ())}
        sets = read[name] = {
            corpus: [found[path] for path in one["sets"]] if set(one["sets"]) <= found.keys() else None
            for corpus, one in corpora.items()
        }
        systems[name] = {
            **row,
            "marks": sorted({mark for one in sets.values() if one for mark in marks_of(one, "utt2pred")}),
            "cells": {
                corpus: one and {"mark": trained_mark(tuple(row["trained"]), corpus, joint),
                                 **_score(one, row["table"], draws, seed, unit)}
                for corpus, one in sets.items()
            },
            "mean": _mean(list(sets.values()), draws, seed, unit),
        }  # fmt: skip
    tests = _tests(read, reference, against, draws, seed, unit) if reference else []
    return {"reference": reference, "draws": draws, "seed": seed, **table.page, "systems": systems, "tests": tests}


def _read_cell(system, column, missing, problems):
    """The `PredictedSet`s of a system for a corpus; None where one is missing. What is to be said goes to the lists."""
    sets, lacking = [], []
    for fold, data_dir in column.sets.items():
        path = system.path(column.name, fold, DataDir(data_dir).utterances())
        if path is None:
            lacking.append(fold)
        elif path.is_file():
            one, file = read_answer_set(data_dir, path)
            sets.append(one)
            kinds = Counter(problem.kind for problem in file.problems if problem.kind != "unknown")  # of other sets
            counts = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
            problems += [f"{system.name} on {column.name}, {path}: {counts} of {len(one)} answers"] if counts else []
        else:
            sets.append(read_set(data_dir, path, system.table, corpus=column.name))
    if not lacking:
        return sets
    where = "" if column.official else f", fold {' '.join(map(str, lacking))}"
    missing.append(f"{system.name} on {column.name}{where}: no {system.table} in {' or '.join(system.answers)}")
    return None


def _score(sets, table, draws, seed, unit):
    """A score without what decoding cost: the same answers give the same numbers, however long they took."""
    return {name: value for name, value in score_sets(sets, table, draws, seed, unit).items() if name != "decode"}


def _mean(cells, draws, seed, unit):
    """UA averaged over corpora, each counting alike, with intervals. None with a gap.

    Returns {`ua`: value, low, high, `restricted`: the same, None where a system has no posteriors somewhere}.
    """
    if any(sets is None for sets in cells):
        return None
    restricted = [
        [restrict(one, {label for other in sets for label in other.reference}) for one in sets] for sets in cells
    ]
    whole = not any(None in sets for sets in restricted)
    return {
        "ua": _mean_ua(cells, draws, seed, unit),
        "restricted": _mean_ua(restricted, draws, seed, unit) if whole else None,
    }


def _mean_ua(cells, draws, seed, unit):
    values, errors, freedoms = [], [], []
    for number, sets in enumerate(cells):
        _, reference, predicted, speakers = pool(sets)
        labels = label_order(reference, predicted)
        clusters = speakers if unit == "speaker" else None
        counts, times, counted = resampling_units([predicted], reference, labels, clusters)
        if counted == "speaker":
            error, freedom = jackknife(counts, times, lambda summed: metrics.ua(summed[:, 0]))
        else:
            drawn = sampled_scores(counts, times, draws, [seed, number], {"ua": metrics.ua})["ua"]
            error, freedom = float(np.nanstd(drawn)), math.inf
        values.append(float(metrics.ua(metrics.confusion(reference, predicted, labels))))
        errors.append(error)
        freedoms.append(freedom)
    found = student(np.mean(values), *mean_error(errors, freedoms), (0.0, 1.0))
    return {"value": found.value, "low": found.low, "high": found.high}


def _tests(read, reference, against, draws, seed, unit):
    """Paired tests, system minus reference, of every pair and corpus that both have answers to."""
    tests = []
    for name in against:
        for corpus, base in read[reference].items():
            sets = read[name][corpus]
            if sets and base:
                found = difference_of(pool(base), pool(sets)[2], draws, seed, unit)
                ua = found["swapped"]["ua"]
                tests.append({"system": name, "corpus": corpus, "swapped": ua, "mcnemar": found["mcnemar"]})
    for kind in ("swapped", "mcnemar"):
        correct([test[kind] for test in tests])
    return tests


def _describe(column, joint):
    """What the test set of a corpus is."""
    utterances, speakers, labels, languages = [], set(), [], set()
    for path in column.sets.values():
        data = DataDir(path)
        utterances += data.labels()
        speakers |= set(data.read("utt2spk").values())
        labels += data.labels().values()
        languages |= set(data.read("utt2lang", optional=True).values())
    return {
        "sets": list(map(str, column.sets.values())), "folds": list(column.sets), "official": column.official,
        "n": len(utterances), "speakers": len(speakers), "languages": sorted(languages),
        "classes": label_order(labels), "trained": column.name in joint,
    }  # fmt: skip

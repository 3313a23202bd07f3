"""Reading what a system said about a test set, strictly: nothing missing, nothing extra, nothing unknown."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from c2ser.datadir import DataDir, read_table
from c2ser.datadir.faults import some
from c2ser.datadir.tables import read_lines
from c2ser.datadir.votes import parse_votes
from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS, is_known
from c2ser.errors import InputError
from c2ser.evaluation.groups import read_groups
from c2ser.evaluation.metrics import INVALID
from c2ser.jsonfile import read_json

METHODS = {"utt2pred": "free answer", "utt2scored": "label scoring", "utt2constrained": "constrained answer"}
"""What a decoding directory may hold, and what a reader calls it: the label parsed from the generated text, the label
with the best score, and the label that generation under a grammar of the answers gave."""

TABLES = tuple(METHODS)


@dataclass(frozen=True)
class PredictedSet:
    """A test set with a system's predictions, in the order of the set's utt2emo.

    `confidence` `(utterances,)` is the posterior of each predicted class, or None where there are no posteriors or the
    predictions are not the classes that the posteriors favour (a generated text may differ from them). `decode` is
    the content of decode.json, {} where there is none. `posteriors` is a float array `(utterances, classes)` with the
    classes of its columns in `classes`, or None. `votes` is the content of utt2votes as `read_votes` gives it, which
    may speak of other utterances too, or None. `groups` is what `groups.read_groups` gives.
    """

    data_dir: str
    decode_dir: str
    utterances: list
    reference: list
    predicted: list
    speakers: list
    confidence: np.ndarray | None = None
    decode: dict = field(default_factory=dict)
    posteriors: np.ndarray | None = None
    classes: tuple = ()
    votes: dict | None = None
    groups: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.utterances)


def read_set(data_dir, decode_dir, table="utt2pred", corpus=None):
    """Read the reference of `data_dir` and the predictions `table` of `decode_dir` as a `PredictedSet`.

    corpus: None where the decoding is of this set; otherwise the set's corpus among several that are joined, and the
    decoding may be of more, and have ids without `<corpus>_` (`of_corpus`).

    Raises InputError, with counts and the first utterances concerned, where utterances lack a prediction or a speaker,
    predictions or speakers are of unknown utterances, a label is unknown, utt2scored or utt2constrained hold an
    invalid label, utt2scored disagrees with the posteriors, or a file is malformed.
    """
    data_path, decode_dir = Path(data_dir), Path(decode_dir)
    reference, speakers = read_reference(data_dir)
    unlabelled = speakers.keys() - reference.keys()
    predicted = _without(unlabelled, of_corpus(read_table(decode_dir / table), reference, corpus))
    _check_same_utterances(reference, predicted, decode_dir / table, data_path / "utt2emo", "decode the set again")
    check_labels(predicted, decode_dir / table, (INVALID,) if table == "utt2pred" else ())
    classes, posteriors = _stack_posteriors(decode_dir, table, list(reference), unlabelled, corpus)
    return PredictedSet(
        str(data_dir),
        str(decode_dir),
        list(reference),
        list(reference.values()),
        [predicted[utterance] for utterance in reference],
        [speakers[utterance] for utterance in reference],
        _confidence(decode_dir, predicted, table, list(reference), classes, posteriors),
        read_json(decode_dir / "decode.json", "decode the set again") if (decode_dir / "decode.json").is_file() else {},
        posteriors,
        classes,
        read_votes(data_path / "utt2votes"),
        read_groups(data_dir, reference),
    )


def read_reference(data_dir):
    """Read a test set: dicts utterance → class of those with a label (`DataDir.labels`), utterance → speaker of all.

    How many are not scored for want of a label is logged. Raises InputError for an empty or malformed utt2emo, an
    unknown class, and an utterance without a speaker.
    """
    data = DataDir(data_dir)
    reference = data.labels()
    if not reference:
        raise InputError(f"{data.path}/utt2emo: no utterances with a label: there is nothing to score")
    check_labels(reference, data.path / "utt2emo")
    speakers = data.read("utt2spk")
    unlabelled = [utterance for utterance in speakers if utterance not in reference]
    labelled = _without(set(unlabelled), speakers)
    _check_same_utterances(reference, labelled, data.path / "utt2spk", data.path / "utt2emo", "fix the data directory")
    if unlabelled:
        logging.info("%s: %d of %d utterances have no label and are not scored: %s",
                     data.path, len(unlabelled), len(speakers), some(unlabelled))  # fmt: skip
    return reference, speakers


def read_votes(path):
    """Read annotators' votes, a table of `utterance class:number class:number …` lines; None where there is none.

    Returns dict utterance → dict class → number, a float > 0; classes with 0 votes are left out. Numbers need not be
    whole (weighted votes). Raises InputError, naming line and utterance, for another form, an unknown class, a class
    that stands twice, and an utterance without any vote.
    """
    path = Path(path)
    if not path.is_file():
        return None
    votes = {}
    for number, (utterance, value) in enumerate(read_table(path).items(), 1):
        try:
            votes[utterance] = parse_votes(value)
        except InputError as error:
            raise InputError(f"{path}:{number}: {utterance}: {error}") from None
    return votes


def read_posteriors(decode_dir):
    """Read `posteriors` and `labels` of a decoding directory.

    Returns (labels, dict utterance → float array `(labels,)`), or None where the directory has neither. Raises
    InputError where one of the two is absent, a row has another length, or a row is not a distribution.
    """
    decode_dir = Path(decode_dir)
    path, labels_path = decode_dir / "posteriors", decode_dir / "labels"
    if not path.is_file() and not labels_path.is_file():
        return None
    labels = [line.strip() for _, line in read_lines(labels_path)]
    check_labels(dict(enumerate(labels, 1)), labels_path)
    rows = {}
    for number, (utterance, row) in enumerate(read_table(path).items(), 1):
        where = f"{path}:{number}: {utterance}"
        try:
            rows[utterance] = np.array(row.split(), dtype=float)
        except ValueError:
            raise InputError(f"{where}: a posterior is not a number; decode the set again") from None
        if len(rows[utterance]) != len(labels):
            raise InputError(f"{where}: {len(rows[utterance])} posteriors for {len(labels)} classes of {labels_path}")
        if not (rows[utterance] >= 0).all() or not abs(rows[utterance].sum() - 1) < 1e-3:
            raise InputError(f"{where}: posteriors must be at least 0 and sum to 1; decode the set again")
    return labels, rows


def label_order(*columns):
    """The labels that occur in the given columns, in the project's order of classes."""
    seen = set().union(*columns)
    return [label for label in EMOTIONS + FURTHER_EMOTIONS if label in seen]


def of_corpus(table, utterances, corpus):
    """The entries of a table for `utterances`, by their ids or, failing that, by those without `<corpus>_` in front, as
    the corpus' own recipe has them; all of the table where `corpus` is None."""
    if corpus is None:
        return table
    found = {one: one if one in table else one.removeprefix(f"{corpus}_") for one in utterances}
    return {utterance: table[name] for utterance, name in found.items() if name in table}


def _without(utterances, table):
    return {key: value for key, value in table.items() if key not in utterances}


def _stack_posteriors(decode_dir, table, utterances, unlabelled, corpus):
    """The classes and posteriors `(utterances, classes)` of a decoding directory; () and None where it has none."""
    found = read_posteriors(decode_dir)
    if found is None:
        return (), None
    labels, rows = found[0], _without(unlabelled, of_corpus(found[1], utterances, corpus))
    _check_same_utterances(utterances, rows, decode_dir / "posteriors", decode_dir / table, "decode the set again")
    return tuple(labels), np.stack([rows[utterance] for utterance in utterances])


def _confidence(decode_dir, predicted, table, utterances, classes, posteriors):
    """Posterior of each utterance's predicted class `(utterances,)`; None as `PredictedSet` says."""
    if posteriors is None:
        return None
    column = {label: i for i, label in enumerate(classes)}
    confidence = posteriors.max(axis=1)
    for utterance, row, highest in zip(utterances, posteriors, confidence):
        chosen = column.get(predicted[utterance])
        if chosen is None or row[chosen] < highest:
            if table == "utt2scored":
                raise InputError(
                    f"{decode_dir}/utt2scored: {utterance}: {predicted[utterance]} is not the class with the highest "
                    "value in posteriors; decode the set again"
                )
            return None
    return confidence


def check_labels(table, path, further=()):
    """Raise InputError where a table, read from `path`, holds what is neither a known class nor one of `further`."""
    unknown = [(key, label) for key, label in table.items() if not is_known(label) and label not in further]
    if unknown:
        listed = ", ".join(f"{key} {label}" for key, label in unknown[:5])
        raise InputError(
            f"{path}: {len(unknown)} of {len(table)} entries hold an unknown label, first: {listed}; "
            f"known are {', '.join((*EMOTIONS, *FURTHER_EMOTIONS, *further))}"
        )


def _check_same_utterances(expected, found, path, expected_path, remedy):
    missing = [utterance for utterance in expected if utterance not in found]
    known = set(expected)
    extra = [utterance for utterance in found if utterance not in known]
    faults = []
    if missing:
        faults.append(f"{len(missing)} of {len(known)} utterances are missing, first: {', '.join(missing[:5])}")
    if extra:
        faults.append(f"{len(extra)} utterances are not in {expected_path}, first: {', '.join(extra[:5])}")
    if faults:
        raise InputError(f"{path}: {'; '.join(faults)}; {remedy}")

"""Answers of any system to a test set, in free text or as labels: what is scored, and an account of all the rest."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS, UNLABELLED
from c2ser.encodings import BROKEN
from c2ser.errors import InputError
from c2ser.evaluation.answer_lines import FORM, read_answer_lines
from c2ser.evaluation.groups import read_groups
from c2ser.evaluation.metrics import INVALID
from c2ser.evaluation.predictions import PredictedSet, read_reference, read_votes
from c2ser.inference.labels import parse_label

MISSING = ("invalid", "skip")
"""What an utterance without an answer counts as: an invalid answer, or nothing, which makes n smaller."""

PROBLEMS = {
    "missing": "an utterance of the test set without a line",
    "unknown": "a line whose utterance is not in the test set",
    "empty": "an utterance id without an answer",
    "unparsable": "an answer that names no emotion, or only denies some",
    "ambiguous": "an answer that names several emotions",
    "duplicate": "a further line of an utterance, to the same effect as the first",
    "conflict": "a line of an utterance whose lines differ in what they answer",
    "broken": "bytes that the file's encoding does not know, in an answer that is scored all the same",
}
NOT_SCORED = "not scored"
_NO_ANSWERS = ("other", UNLABELLED)
_HEADER = ("test set", "problem", "line", "utterance", "scored as", "answer")


class Problem(NamedTuple):
    """One of `PROBLEMS`: where it is, and how the utterance was scored (a label, `INVALID` or `NOT_SCORED`).

    `line` is None where there is no line.
    """

    kind: str
    line: int | None
    utterance: str
    scored_as: str
    answer: str


@dataclass(frozen=True)
class AnswerFile:
    """What a file of answers holds for a test set. `labels`: utterance → label or `INVALID`, of those with a line.

    `skipped` is the number of utterances that are not scored because they have none.
    """

    data_dir: str
    path: str
    encoding: str
    lines: int
    labels: dict
    problems: list
    skipped: int = 0


def read_answer_set(data_dir, path, missing="invalid"):
    """Read a test set with a system's answers, lines `utterance<TAB or blank>answer` in any order.

    The label of an answer is what `label_finder` finds. An answer without a label, an utterance with lines that differ,
    and with `missing` = "invalid" an utterance without a line are invalid answers; with "skip" the last are left out.
    Lines of other utterances are not scored. All of them are in the `problems` of the second result.

    Args:
        data_dir: directory with utt2emo and utt2spk (and utt2votes).
        path: the file of answers, see `read_answer_lines` for its encodings.
        missing: one of `MISSING`.
    Returns:
        `PredictedSet`, `AnswerFile`.
    Raises:
        InputError: for a faulty data directory, an absent or empty file, and one without a line of the test set.
    """
    reference, speakers = read_reference(data_dir)
    found = _read_file(data_dir, path, reference, speakers)
    absent = [utterance for utterance in reference if utterance not in found.labels]
    effect = NOT_SCORED if missing == "skip" else INVALID
    problems = [*found.problems, *(Problem("missing", None, utterance, effect, "") for utterance in absent)]
    skipped = len(absent) if missing == "skip" else 0
    scored = [utterance for utterance in reference if utterance in found.labels or missing != "skip"]
    one = PredictedSet(
        str(data_dir),
        str(path),
        scored,
        [reference[utterance] for utterance in scored],
        [found.labels.get(utterance, INVALID) for utterance in scored],
        [speakers[utterance] for utterance in scored],
        votes=read_votes(Path(data_dir) / "utt2votes"),
        groups=read_groups(data_dir, scored),
    )
    return one, AnswerFile(found.data_dir, found.path, found.encoding, found.lines, found.labels, problems, skipped)


def label_finder(classes):
    """A function answer → `Parsed` for a test set with the given classes, which remembers what it has seen.

    An answer names one of the seven classes or of `classes`, as `parse_label` reads any language; or, where it does
    not, a further emotion, which the test set lacks.
    """
    labels = (*EMOTIONS, *(label for label in FURTHER_EMOTIONS if label in classes))
    others = tuple(label for label in FURTHER_EMOTIONS if label not in (*labels, *_NO_ANSWERS))

    @lru_cache(1 << 16)  # free texts are hardly ever alike, labels are
    def find(answer):
        parsed = parse_label(answer, labels=labels)
        return parsed if parsed.reason != "none" else parse_label(answer, labels=others)

    return find


def summarise(files, missing):
    """What a score file says of answer files: how missing answers count, how many problems of each kind, encodings."""
    kinds = Counter(problem.kind for one in files for problem in one.problems)
    return {
        "missing": missing,
        "skipped": sum(one.skipped for one in files),
        "problems": {kind: kinds[kind] for kind in PROBLEMS},
        "files": [{"path": one.path, "encoding": one.encoding, "lines": one.lines} for one in files],
    }


def write_problems(files, stream):
    """Write all problems of answer files as a table with TABs, a header first: one line each, in order of the files."""
    stream.write("\t".join(_HEADER) + "\n")
    for one in files:
        for problem in one.problems:
            line = "" if problem.line is None else str(problem.line)
            answer = " ".join(problem.answer.split())
            fields = (one.data_dir, problem.kind, line, problem.utterance, problem.scored_as, answer)
            stream.write("\t".join(fields) + "\n")


def _read_file(data_dir, path, reference, speakers):
    """The labels and problems of a file, all but those of utterances without a line; an answer for an utterance of the
    set that has no label is neither."""
    find = label_finder(set(reference.values()))
    encoding, lines = read_answer_lines(path)
    answers, problems = {}, []
    for line in lines:
        if line.utterance in reference:
            answers.setdefault(line.utterance, []).append(line)
        elif line.utterance not in speakers:
            problems.append(Problem("unknown", line.number, line.utterance, NOT_SCORED, line.answer))
    if not answers:
        raise InputError(
            f"{path}: none of its {len(lines)} lines is of an utterance of {data_dir}/utt2emo, first: "
            f"{lines[0].utterance}, there: {next(iter(reference))}; {FORM}"
        )
    labels = {}
    for utterance, own in answers.items():
        labels[utterance], found = _judge(own, find)
        problems += found
    problems.sort(key=lambda problem: problem.line)
    return AnswerFile(str(data_dir), str(path), encoding, len(lines), labels, problems)


def _judge(lines, find):
    """The label of an utterance, or `INVALID`, by its one or more lines, and their problems."""
    parsed = [find(line.answer) for line in lines]
    agreed = len({one.label for one in parsed}) == 1
    label = parsed[0].label if agreed and parsed[0].label else INVALID
    problems = []
    for number, (line, one) in enumerate(zip(lines, parsed)):
        kinds = []
        if not agreed:
            kinds.append("conflict")
        elif number:
            kinds.append("duplicate")
        if not line.answer:
            kinds.append("empty")
        elif one.label is None:
            kinds.append("ambiguous" if one.reason == "several" else "unparsable")
        elif BROKEN in line.answer:
            kinds.append("broken")
        problems += [Problem(kind, line.number, line.utterance, label, line.answer) for kind in kinds]
    return label, problems

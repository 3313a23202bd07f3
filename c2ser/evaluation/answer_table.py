"""Every system's answers to the same test sets in one text file: what a page of results can be made from again.

The first line is `# ` and JSON: the page's reference, caption and published rows, what else its command must know, and
for each system the table its answers come from and what its decode.json says that a reader must know. Then a header and
a line an utterance, columns apart by tabs: set, utterance, speaker, truth, and each system's answer, empty where it was
not asked. For a page that also scores the best class among those of a test set, that class stands beside the answers of
a system with posteriors, `=` where it is the answer. No speech, text or posterior is in it.

A table of more than `LIMIT` bytes goes on in further files, answers.2.tsv beside answers.tsv, which begin with the same
two lines; `lines` in the first says how many answers all of them hold.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from c2ser.datadir.tables import read_lines
from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS, is_known
from c2ser.errors import InputError
from c2ser.evaluation.metrics import INVALID
from c2ser.evaluation.predictions import PredictedSet
from c2ser.evaluation.restricted import restrict
from c2ser.fileio import atomic_write
from c2ser.jsonfile import parse_json

LIMIT = 300_000
COLUMNS = ("set", "utterance", "speaker", "truth")
AMONG = ", among the test set's classes"
"""Behind a system's name, the heading of its best class among those of the test set."""
MARKS = ("uses_test_audio", "test_utterances_in_training", "test_speakers_in_training")
"""The keys of decode.json that a comparison shows."""

_HEAD = {"reference": str, "caption": str, "published": list, "page": dict, "lines": int, "systems": dict}
_SAME = "="
_LABELS = (*EMOTIONS, *FURTHER_EMOTIONS)


@dataclass(frozen=True)
class AnswerTable:
    """Systems, name → `PredictedSet`s in the order of test sets, and what a page of them says beside their scores.

    `tables`: name → table of predictions; `published`: as `compare.read_published` gives it; `page`: what else the
    page's command must know, JSON. `classes`: test set → the classes among which the best is kept too; {} for none.
    """

    systems: dict
    tables: dict
    reference: str
    caption: str = ""
    published: list = field(default_factory=list)
    page: dict = field(default_factory=dict)
    classes: dict = field(default_factory=dict)


def write_answer_table(path, table):
    """Write an `AnswerTable`. Raises InputError for names that hold a tab or line feed, or sets whose truths differ."""
    rows, kept = {}, {}
    for name, sets in table.systems.items():
        if any(sign in name for sign in "\t\n\r\0"):
            raise InputError(f"{name!r}: the name of a system cannot hold tabs or line feeds, nor zero bytes")
        decodes = [{key: one.decode[key] for key in MARKS if one.decode.get(key)} for one in sets]
        named = {one.data_dir: decode for one, decode in zip(sets, decodes) if decode}
        best = [restrict(one, table.classes[one.data_dir]) if table.classes else None for one in sets]
        kept[name] = {"table": table.tables.get(name, "utt2pred"), **({"decode": named} if named else {}),
                      **({"among": True} if any(best) else {})}  # fmt: skip
        for one, among in zip(sets, best):
            for place, utterance in enumerate(one.utterances):
                speaker, truth, answer = one.speakers[place], one.reference[place], one.predicted[place]
                known, answers = rows.setdefault((one.data_dir, utterance), ((speaker, truth), {}))
                if known != (speaker, truth):
                    raise InputError(f"{one.data_dir}: {utterance}: {name} was scored against another label or speaker")
                answers[name] = answer
                if among:
                    answers[name + AMONG] = _SAME if among.predicted[place] == answer else among.predicted[place]
    head = {"reference": table.reference, "caption": table.caption, "published": table.published, "page": table.page,
            "lines": len(rows), "systems": kept}  # fmt: skip
    columns = _columns(head)
    lines = [
        "\t".join((data_dir, utterance, *known, *(answers.get(name, "") for name in columns))) + "\n"
        for (data_dir, utterance), (known, answers) in rows.items()
    ]
    _write_parts(Path(path), head, "\t".join((*COLUMNS, *columns)) + "\n", lines)


def read_answer_table(path):
    """Read an `AnswerTable`; its sets have no votes or groups, and for posteriors at most 1 for the best class among
    those of the test set, if that is in the table.

    Raises InputError, naming file and line, for a head or header of another form, a line with too few or too many
    columns or without an utterance, an unknown label, an utterance that stands twice, a part that is absent or another
    table's, and a file without utterances.
    """
    head, lines = _read_parts(Path(path))
    columns = _columns(head)
    found, best, seen = {name: {} for name in head["systems"]}, {}, set()
    for where, line in lines:
        cells = line.split("\t")
        known, answers = cells[: len(COLUMNS)], dict(zip(columns, cells[len(COLUMNS) :]))
        if len(cells) != len(COLUMNS) + len(columns) or not all(known):
            raise InputError(
                f"{where}: expected {len(COLUMNS) + len(columns)} columns, the first {len(COLUMNS)} filled"
            )
        data_dir, utterance, speaker, truth = known
        if (data_dir, utterance) in seen:
            raise InputError(f"{where}: {utterance} stands twice in {data_dir}")
        seen.add((data_dir, utterance))
        for label in (truth, *filter(None, answers.values())):
            if not is_known(label) and (label not in (INVALID, _SAME) or truth == label):
                raise InputError(f"{where}: {utterance}: {label!r} is no class; write the table again")
        for name, sets in found.items():
            if answers[name]:
                sets.setdefault(data_dir, []).append((utterance, truth, answers[name], speaker))
                among = answers.get(name + AMONG, "")
                best.setdefault((name, data_dir), []).append(answers[name] if among == _SAME else among)
    empty = [name for name, sets in found.items() if not sets]
    if empty or not found:
        raise InputError(f"{path}: no answers{' of ' + ', '.join(empty) if empty else ''}; write the table again")
    systems = {
        name: [
            PredictedSet(data_dir, str(path), *map(list, zip(*rows)), classes=_LABELS,
                         decode=head["systems"][name].get("decode", {}).get(data_dir, {}),
                         posteriors=_posteriors(best[name, data_dir]))  # fmt: skip
            for data_dir, rows in sets.items()
        ]
        for name, sets in found.items()
    }
    tables = {name: entry["table"] for name, entry in head["systems"].items()}
    return AnswerTable(systems, tables, head["reference"], head["caption"], head["published"], head["page"])


def _posteriors(best):
    """1 for each utterance's best class, float `(utterances, classes)`; None where one has none."""
    return np.array([[float(label == one) for label in _LABELS] for one in best]) if all(best) else None


def _columns(head):
    """The headings behind `COLUMNS`."""
    among = {name: [name + AMONG] if entry.get("among") else [] for name, entry in head["systems"].items()}
    return [column for name, further in among.items() for column in (name, *further)]


def _part(path, number):
    return path if number == 1 else path.with_suffix(f".{number}{path.suffix}")


def _write_parts(path, head, header, lines):
    """Write the lines to as many files as they need, the first at last; one left behind by a longer table goes."""
    top = f"# {json.dumps(head, ensure_ascii=False)}\n{header}"
    parts, size = [], LIMIT
    for line in lines:
        length = len(line.encode())
        if size + length > LIMIT:
            parts.append([])
            size = len(top.encode())
        parts[-1].append(line)
        size += length
    for number, part in reversed([*enumerate(parts, 1)]):
        with atomic_write(_part(path, number)) as stream:
            stream.writelines((top, *part))
    number = len(parts) + 1
    while _part(path, number).exists():
        _part(path, number).unlink()
        number += 1


def _read_parts(path):
    """The head, and (file:line, line) of each line of answers of all parts."""
    head, found = _read_part(path)
    total, part, number = head["lines"] or len(found), path, 1
    while len(found) < total:
        number += 1
        part = _part(path, number)
        same, further = _read_part(part)
        if same != head:
            raise InputError(f"{part}:1: not of the same table as {path}; write the table again")
        found += further
    if len(found) > total:
        raise InputError(f"{part}: {len(found)} lines of answers, {total} expected; write the table again")
    return head, found


def _read_part(path):
    lines = read_lines(path)
    head = _read_head(path, next(lines, (1, ""))[1])
    expected = [*COLUMNS, *_columns(head)]
    if next(lines, (2, ""))[1].split("\t") != expected:
        raise InputError(f"{path}:2: expected the columns {', '.join(expected)}, tabs between them")
    return head, [(f"{path}:{number}", line) for number, line in lines]


def _read_head(path, line):
    """The first line's content, checked."""
    try:
        head = parse_json(line.removeprefix("# "))
    except ValueError:
        head = None
    head = {"page": {}, "lines": 0, **head} if line.startswith("# ") and isinstance(head, dict) else {}
    if not all(isinstance(head.get(key), kind) for key, kind in _HEAD.items()):
        raise InputError(f"{path}:1: expected `# ` and JSON with {', '.join(_HEAD)}; c2ser compare writes such tables")
    if not all(isinstance(entry, dict) and "table" in entry for entry in head["systems"].values()):
        raise InputError(f"{path}:1: a system without the table of its answers; write the table again")
    return head

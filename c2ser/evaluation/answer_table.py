"""Every system's answers to the same test sets in one text file: what a page of results can be made from again.

The first line is `# ` and JSON: the page's reference, caption and published rows, and for each system the table its
answers come from and what its decode.json says that a reader must know. Then a header and a line an utterance, columns
apart by tabs: set, utterance, speaker, truth, and each system's answer, empty where it was not asked. No speech, text or
posterior is in it.
"""

import json
from dataclasses import dataclass, field

from c2ser.datadir.tables import read_lines
from c2ser.emotions import is_known
from c2ser.errors import InputError
from c2ser.evaluation.metrics import INVALID
from c2ser.evaluation.predictions import PredictedSet
from c2ser.fileio import atomic_write

COLUMNS = ("set", "utterance", "speaker", "truth")
MARKS = ("uses_test_audio", "test_utterances_in_training", "test_speakers_in_training")
"""The keys of decode.json that a comparison shows."""

_HEAD = {"reference": str, "caption": str, "published": list, "systems": dict}


@dataclass(frozen=True)
class AnswerTable:
    """Systems, name → `PredictedSet`s in the order of test sets, and what a page of them says beside their scores.

    `tables`: name → table of predictions; `published`: as `compare.read_published` gives it.
    """

    systems: dict
    tables: dict
    reference: str
    caption: str = ""
    published: list = field(default_factory=list)


def write_answer_table(path, table):
    """Write an `AnswerTable`. Raises InputError for names that hold a tab or line feed, or sets whose truths differ."""
    rows, kept = {}, {}
    for name, sets in table.systems.items():
        if any(sign in name for sign in "\t\n\r"):
            raise InputError(f"{name!r}: the name of a system cannot hold tabs or line feeds")
        decodes = [{key: one.decode[key] for key in MARKS if one.decode.get(key)} for one in sets]
        named = {one.data_dir: decode for one, decode in zip(sets, decodes) if decode}
        kept[name] = {"table": table.tables.get(name, "utt2pred"), **({"decode": named} if named else {})}
        for one in sets:
            for utterance, speaker, truth, answer in zip(one.utterances, one.speakers, one.reference, one.predicted):
                known, answers = rows.setdefault((one.data_dir, utterance), ((speaker, truth), {}))
                if known != (speaker, truth):
                    raise InputError(f"{one.data_dir}: {utterance}: {name} was scored against another label or speaker")
                answers[name] = answer
    head = {"reference": table.reference, "caption": table.caption, "published": table.published, "systems": kept}
    with atomic_write(path) as stream:
        stream.write(f"# {json.dumps(head, ensure_ascii=False)}\n")
        stream.write("\t".join((*COLUMNS, *table.systems)) + "\n")
        for (data_dir, utterance), (known, answers) in rows.items():
            cells = (answers.get(name, "") for name in table.systems)
            stream.write("\t".join((data_dir, utterance, *known, *cells)) + "\n")


def read_answer_table(path):
    """Read an `AnswerTable`; its sets have no posteriors, votes or groups.

    Raises InputError, naming file and line, for a head or header of another form, a line with too few or too many
    columns or without an utterance, an unknown label, an utterance that stands twice, and a file without utterances.
    """
    lines = read_lines(path)
    head = _read_head(path, next(lines, (1, ""))[1])
    header = next(lines, (2, ""))[1].split("\t")
    names = header[len(COLUMNS) :]
    if tuple(header[: len(COLUMNS)]) != COLUMNS or names != list(head["systems"]):
        raise InputError(f"{path}:2: expected the columns {', '.join((*COLUMNS, *head['systems']))}, tabs between them")
    found, seen = {name: {} for name in names}, set()
    for number, line in lines:
        cells = line.split("\t")
        where = f"{path}:{number}"
        if len(cells) != len(header) or not all(cells[: len(COLUMNS)]):
            raise InputError(f"{where}: expected {len(header)} columns, the first {len(COLUMNS)} filled")
        data_dir, utterance, speaker, truth = cells[: len(COLUMNS)]
        if (data_dir, utterance) in seen:
            raise InputError(f"{where}: {utterance} stands twice in {data_dir}")
        seen.add((data_dir, utterance))
        for label in (truth, *filter(None, cells[len(COLUMNS) :])):
            if not is_known(label) and (label != INVALID or truth == INVALID):
                raise InputError(f"{where}: {utterance}: {label!r} is no class; write the table again")
        for name, answer in zip(names, cells[len(COLUMNS) :]):
            if answer:
                found[name].setdefault(data_dir, []).append((utterance, truth, answer, speaker))
    empty = [name for name, sets in found.items() if not sets]
    if empty or not names:
        raise InputError(f"{path}: no answers{' of ' + ', '.join(empty) if empty else ''}; write the table again")
    systems = {
        name: [
            PredictedSet(data_dir, str(path), *map(list, zip(*rows)), decode=_decode(head, name, data_dir))
            for data_dir, rows in sets.items()
        ]
        for name, sets in found.items()
    }
    tables = {name: entry["table"] for name, entry in head["systems"].items()}
    return AnswerTable(systems, tables, head["reference"], head["caption"], head["published"])


def _read_head(path, line):
    """The first line's content, checked."""
    try:
        head = json.loads(line.removeprefix("# "))
    except ValueError:
        head = None
    if not line.startswith("# ") or not isinstance(head, dict) or not all(
        isinstance(head.get(key), kind) for key, kind in _HEAD.items()
    ):
        raise InputError(f"{path}:1: expected `# ` and JSON with {', '.join(_HEAD)}; c2ser compare writes such tables")
    if not all(isinstance(entry, dict) and "table" in entry for entry in head["systems"].values()):
        raise InputError(f"{path}:1: a system without the table of its answers; write the table again")
    return head


def _decode(head, name, data_dir):
    return head["systems"][name].get("decode", {}).get(data_dir, {})

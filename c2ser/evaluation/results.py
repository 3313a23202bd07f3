"""Tables of results, built from score files alone.

A table is a list of rows of strings, the header first. `scores` is everywhere a dict row name → the content of a score
file as `scoring.score_sets` makes it. Scores are shown in per cent.
"""

import json
import unicodedata
from pathlib import Path

from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.scoring import COSTS

HEADINGS = {"ua": "UA %", "wa": "WA %", "macro_f1": "macro-F1 %"}
ABSENT = "–"
_REQUIRED = ("n", "invalid", "labels", "scores", "per_class", "chance", "majority", "sets", "fold_mean", "decode")


def read_score(path):
    """Read a score file. Raises InputError where it is absent or not one."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; run `python -m c2ser.bin.score` first")
    try:
        score = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); score again") from None
    missing = [key for key in _REQUIRED if not isinstance(score, dict) or key not in score]
    if missing:
        raise InputError(f"{path}: not a score file, lacks {', '.join(missing)}; score again")
    return score


def score_rows(scores):
    """One row for each system, then chance and the majority class for each test set among them."""
    rows = [["System", "n", "invalid", *HEADINGS.values()]]
    references = {}
    for name, score in scores.items():
        intervals = [_with_interval(score["scores"][metric]) for metric in HEADINGS]
        rows.append([name, str(score["n"]), str(score["invalid"]), *intervals])
        references.setdefault(_test_sets(score), score)
    for sets, score in references.items():
        where = f", {sets}" if len(references) > 1 else ""
        classes = sum(entry["n"] > 0 for entry in score["per_class"].values())
        chance = f"Chance (1 of {classes} classes){where}"
        majority = f"Always {score['majority']['label']}{where}"
        for name, values in ((chance, score["chance"]), (majority, score["majority"])):
            rows.append([name, str(score["n"]), "0", *(_percent(values[metric]) for metric in HEADINGS)])
    return rows


def fold_rows(scores):
    """The scores of each test set of the systems that were scored on several, and their mean; [] without any."""
    rows = [["System", "test set", "n", "invalid", *HEADINGS.values()]]
    for name, score in scores.items():
        if score["fold_mean"] is None:
            continue
        for one in score["sets"]:
            values = [_percent(one[metric]) for metric in HEADINGS]
            rows.append([name, one["data_dir"], str(one["n"]), str(one["invalid"]), *values])
        means = [_with_interval(score["fold_mean"][metric]) for metric in HEADINGS]
        total, invalid = (sum(one[key] for one in score["sets"]) for key in ("n", "invalid"))
        rows.append([name, f"mean of {len(score['sets'])}", str(total), str(invalid), *means])
    return rows if len(rows) > 1 else []


def recall_rows(scores):
    """Recall of each class; a dash where a system's test set does not hold the class."""
    present = {label for score in scores.values() for label, entry in score["per_class"].items() if entry["n"]}
    labels = [label for label in EMOTIONS + FURTHER_EMOTIONS if label in present]
    rows = [["System", *labels]]
    for name, score in scores.items():
        recalls = [score["per_class"].get(label, {"recall": None})["recall"] for label in labels]
        rows.append([name, *map(_percent, recalls)])
    return rows


def detail_rows(scores):
    """Scores without intervals, and what the intervals of the others rest on."""
    rows = [["System", "weighted F1 %", "ECE %", "speakers", "resampled", "draws"]]
    for name, score in scores.items():
        interval = score["scores"]["ua"]
        numbers = [_percent(score["weighted_f1"]), _percent(score["ece"]), str(score["speakers"])]
        rows.append([name, *numbers, interval["unit"], str(interval["draws"])])
    return rows


def cost_rows(scores):
    """What decoding cost, one row for each decoding, which may serve several systems; [] where none was measured."""
    decodings = {}
    for name, score in scores.items():
        if score["decode"] and any(cost in score["decode"] for cost in COSTS):
            key = tuple(one["decode_dir"] for one in score["sets"])
            decodings.setdefault(key, (score, []))[1].append(name)
    rows = [["Decoding", "mode", "utterances", "tokens / utterance", "seconds / utterance"]]
    for score, names in decodings.values():
        costs = [_number(score["decode"].get(cost)) for cost in COSTS]
        rows.append([", ".join(names), str(score["decode"].get("mode") or ABSENT), str(score["n"]), *costs])
    return rows if len(rows) > 1 else []


def format_table(rows):
    """Plain text of a table with aligned columns: the first to the left, the others to the right. "" for no rows."""
    if not rows:
        return ""
    widths = [max(map(_width, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = [row[0] + " " * (widths[0] - _width(row[0]))]
        cells += [" " * (width - _width(cell)) + cell for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def markdown_table(rows):
    """A table in Markdown, the first column aligned to the left, the others to the right."""
    lines = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join([":--"] + ["--:"] * (len(rows[0]) - 1)) + "|")
    return "\n".join(lines)


def markdown_text(text):
    """Text for Markdown: on one line, its special characters escaped."""
    return "".join("\\" + sign if sign in "\\`*_|<" else sign for sign in " ".join(text.split()))


def _test_sets(score):
    return " + ".join(one["data_dir"] for one in score["sets"])


def _percent(value):
    return ABSENT if value is None else f"{100 * value:.1f}"


def _with_interval(interval):
    return f"{_percent(interval['value'])} [{_percent(interval['low'])}, {_percent(interval['high'])}]"


def _number(value):
    return ABSENT if value is None else f"{value:.3g}"


def _width(text):
    """Columns that a terminal needs: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)

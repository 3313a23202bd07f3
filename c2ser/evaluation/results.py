"""Tables of results, built from score files alone.

A table is a list of rows of strings, the header first; what is compared stands before what it rests on, so that a
narrow screen shows it. `scores` is everywhere a dict row name → the content of a score
file as `scoring.score_sets` makes it. Scores are shown in per cent.
"""

from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.scoring import COSTS, PEAKS
from c2ser.jsonfile import read_json
from c2ser.rows import width

HEADINGS = {"ua": "UA %", "wa": "WA %", "macro_f1": "macro-F1 %"}
ABSENT = "–"
_REQUIRED = ("n", "invalid", "labels", "scores", "per_class", "chance", "majority", "sets", "fold_mean", "decode")


def read_score(path):
    """Read a score file. Raises InputError where it is absent or not one."""
    score = read_json(path, "run `c2ser score` again")
    missing = [key for key in _REQUIRED if key not in score]
    if missing:
        raise InputError(f"{path}: not a score file, lacks {', '.join(missing)}; score again")
    return score


def ranked(scores):
    """The same scores in falling order of UA; systems with equal ones stay in order, and so do those of other sets.

    Systems of different test sets are not ranked against each other: those of the first system's come first.
    """
    order = {sets: place for place, sets in enumerate(dict.fromkeys(map(_test_sets, scores.values())))}
    keys = {name: (order[_test_sets(score)], -score["scores"]["ua"]["value"]) for name, score in scores.items()}
    return {name: scores[name] for name in sorted(scores, key=keys.get)}


def score_rows(scores):
    """One row for each system, then chance and the majority class for each test set among them."""
    rows = [["System", *HEADINGS.values(), "n", "invalid"]]
    references = {}
    for name, score in scores.items():
        intervals = [_with_interval(score["scores"][metric]) for metric in HEADINGS]
        rows.append([name, *intervals, str(score["n"]), str(score["invalid"])])
        references.setdefault(_test_sets(score), score)
    for sets, score in references.items():
        where = f", {sets}" if len(references) > 1 else ""
        classes = sum(entry["n"] > 0 for entry in score["per_class"].values())
        chance = f"Chance (1 of {classes} classes){where}"
        majority = f"Always {score['majority']['label']}{where}"
        for name, values in ((chance, score["chance"]), (majority, score["majority"])):
            rows.append([name, *(_percent(values[metric]) for metric in HEADINGS), str(score["n"]), "0"])
    return rows


def fold_rows(scores):
    """The scores of each test set of the systems that were scored on several, and their mean; [] without any."""
    rows = [["System", "test set", *HEADINGS.values(), "n", "invalid"]]
    for name, score in scores.items():
        if score["fold_mean"] is None:
            continue
        for one in score["sets"]:
            values = [_percent(one[metric]) for metric in HEADINGS]
            rows.append([name, one["data_dir"], *values, str(one["n"]), str(one["invalid"])])
        means = [_with_interval(score["fold_mean"][metric]) for metric in HEADINGS]
        total, invalid = (sum(one[key] for one in score["sets"]) for key in ("n", "invalid"))
        rows.append([name, f"mean of {len(score['sets'])}", *means, str(total), str(invalid)])
    return rows if len(rows) > 1 else []


def chart(scores):
    """UA as bars with intervals, in per cent: one dict for each test set, in the order of `ranked`.

    `sets`: their names; `chance`: UA of guessing; `bars`: (system, UA, low, high) of each system that was scored on it.
    """
    charts = {}
    for name, score in ranked(scores).items():
        sets = _test_sets(score)
        entry = charts.setdefault(sets, {"sets": sets, "chance": 100 * score["chance"]["ua"], "bars": []})
        ua = score["scores"]["ua"]
        entry["bars"].append((name, *(100 * ua[key] for key in ("value", "low", "high"))))
    return list(charts.values())


def group_matrix(scores, grouping):
    """UA of each group, a column each, of each system that was scored on several of them; [] without any."""
    groups = sorted({name for score in scores.values() for name in _groups(score, grouping)})
    rows = [["System", *groups]]
    for name, score in scores.items():
        found = _groups(score, grouping)
        if found:
            cells = [_with_interval(found[one]["scores"]["ua"]) if one in found else ABSENT for one in groups]
            rows.append([name, *cells])
    return rows if len(rows) > 1 else []


def group_rows(scores, grouping):
    """The scores of each group, one row for each system and group; [] without any.

    The last column is the UA of a system that knows which classes the group has; see `restricted`.
    """
    rows = [["System", grouping, *HEADINGS.values(), "n", "classes", "invalid", "UA % among these classes"]]
    for name, score in scores.items():
        for group, found in _groups(score, grouping).items():
            counts = [str(found[key]) for key in ("n", "classes", "invalid")]
            values = [_with_interval(found["scores"][metric]) for metric in HEADINGS]
            restricted = found["restricted"]
            rows.append([name, group, *values, *counts, _with_interval(restricted["ua"]) if restricted else ABSENT])
    return rows if len(rows) > 1 else []


def restricted_rows(scores):
    """Scores of the best class among those of the test set, where the posteriors have others; [] without any."""
    rows = [["System", *HEADINGS.values(), "classes", "left out"]]
    for name, score in scores.items():
        found = score.get("restricted")
        if found and found["left_out"]:
            classes = sum(entry["n"] > 0 for entry in found["per_class"].values())
            values = [_with_interval(found["scores"][metric]) for metric in HEADINGS]
            rows.append([name, *values, str(classes), ", ".join(found["left_out"])])
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
    """Speed and memory, one row for each decoding, which may serve several systems; [] where nothing was measured.

    The real-time factor is the time taken over the length of the speech. Columns that no decoding has are left out.
    """
    decodings = {}
    for name, score in scores.items():
        if score["decode"] and any(cost in score["decode"] for cost in (*COSTS, *PEAKS)):
            key = tuple(one["decode_dir"] for one in score["sets"])
            decodings.setdefault(key, (score, []))[1].append(name)
    rows = [["Decoding", "mode", "utterances", "tokens / utterance", "seconds / utterance", "real-time factor",
             "peak memory, GB", "peak GPU memory, GB", "device"]]  # fmt: skip
    for score, names in decodings.values():
        cost = score["decode"]
        seconds, speech = cost.get("seconds_per_utterance"), cost.get("audio_seconds_per_utterance")
        factor = seconds / speech if seconds is not None and speech else None
        peaks = [None if cost.get(peak) is None else cost[peak] / 1e9 for peak in PEAKS]
        numbers = [_number(value) for value in (cost.get("tokens_per_utterance"), seconds, factor, *peaks)]
        rows.append([", ".join(names), str(cost.get("mode") or ABSENT), str(score["n"]), *numbers,
                     cost.get("device", ABSENT)])  # fmt: skip
    kept = [column for column in zip(*rows) if set(column[1:]) != {ABSENT}]
    return [list(row) for row in zip(*kept)] if len(rows) > 1 else []


def format_table(rows):
    """Plain text of a table with aligned columns: the first to the left, the others to the right. "" for no rows."""
    if not rows:
        return ""
    widths = [max(map(width, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = [row[0] + " " * (widths[0] - width(row[0]))]
        cells += [" " * (room - width(cell)) + cell for cell, room in zip(row[1:], widths[1:])]
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


def _groups(score, grouping):
    """Group → scores; score files of earlier versions have none."""
    return score.get("groups", {}).get(grouping, {})


def _test_sets(score):
    return " + ".join(one["data_dir"] for one in score["sets"])


def _percent(value):
    return ABSENT if value is None else f"{100 * value:.1f}"


def _with_interval(interval):
    return f"{_percent(interval['value'])} [{_percent(interval['low'])}, {_percent(interval['high'])}]"


def _number(value):
    return ABSENT if value is None else f"{value:.3g}"

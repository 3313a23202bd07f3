"""The tables of a benchmark in Markdown, from what `benchmark.run_benchmark` found and nothing else."""

from c2ser.evaluation.benchmark import IN_DOMAIN, UNKNOWN, ZERO_SHOT
from c2ser.evaluation.comparison_table import LEVEL, verdict
from c2ser.evaluation.results import ABSENT, markdown_table, markdown_text

SIGNS = {IN_DOMAIN: "●", ZERO_SHOT: "○", UNKNOWN: "?"}
"""How a cell says whether the system was trained on the corpus."""


def leaderboard_rows(found):
    """The table: a system with answers a row, a corpus a column and the mean of all; the header first, chance last."""
    marked = any(entry["marks"] for entry in found["systems"].values())
    rows = [["System", *found["corpora"], "mean", *(["marks"] if marked else [])]]
    for name, entry in found["systems"].items():
        if not any(entry["cells"].values()):
            continue
        row = [name, *map(_cell, entry["cells"].values()), _mean(entry["mean"])]
        rows.append([*row, *([", ".join(entry["marks"])] if marked else [])])
    chances = [1 / len(corpus["classes"]) for corpus in found["corpora"].values()]
    row = ["Chance", *map(_percent, chances), _percent(sum(chances) / len(chances))]
    return [*rows, [*row, *([""] if marked else [])]]


def corpus_rows(found):
    """What each column's test set is."""
    rows = [["Test set", "language", "utterances", "speakers", "classes", "folds", "resampled by"]]
    for name, corpus in found["corpora"].items():
        folds = "official test" if corpus["official"] else " ".join(map(str, corpus["folds"]))
        units = {cell["scores"]["ua"]["unit"] for entry in found["systems"].values()
                 for column, cell in entry["cells"].items() if cell and column == name}  # fmt: skip
        rows.append([
            name, " ".join(corpus["languages"]) or ABSENT, str(corpus["n"]), str(corpus["speakers"]),
            f"{len(corpus['classes'])}: {' '.join(corpus['classes'])}", folds, ", ".join(sorted(units)) or ABSENT,
        ])  # fmt: skip
    return rows


def paired_rows(found):
    """The paired tests, a row each; [] where there are none."""
    rows = [["System", "test set", "Δ UA", "speakers swapped", "McNemar", "detectable Δ UA"]]
    for test in found["tests"]:
        ua, paired = test["swapped"], test["mcnemar"]
        only_system, only_reference = paired["only_system"], paired["only_reference"]
        rows.append([
            test["system"], test["corpus"],
            f"{100 * ua['value']:+.1f} [{100 * ua['low']:+.1f}, {100 * ua['high']:+.1f}]",
            verdict(ua["value"], ua["p_holm"], ua["smallest_p_holm"]),
            f"{verdict(only_system - only_reference, paired['p_holm'])}; {only_system} : {only_reference}",
            f"{100 * ua['detectable']:.1f}",
        ])  # fmt: skip
    return rows if len(rows) > 1 else []


def benchmark_markdown(found, title, caption="", command=""):
    """The whole page: what was run, the table, what its signs and numbers mean, the test sets, the tests, what is
    missing. Text ending in a line feed, without date or time."""
    parts = [f"# {markdown_text(title)}"]
    parts += [markdown_text(caption)] if caption else []
    parts += [f"Made with `{command}`."] if command else []
    parts += [markdown_table(leaderboard_rows(found)), _listed(notes(found))]
    parts += ["## Test sets", markdown_table(corpus_rows(found))]
    if paired_rows(found):
        parts += [f"## Paired tests against {markdown_text(found['reference'])}", markdown_table(paired_rows(found))]
        parts += [_listed(paired_notes(found))]
    if found["missing"]:
        parts += ["## Missing", _listed(found["missing"])]
    if found["problems"]:
        parts += ["## Answers that count as invalid", _listed(found["problems"])]
    return "\n\n".join(parts) + "\n"


def notes(found):
    """What the leaderboard's signs and numbers mean, one sentence or two each."""
    lines = [
        "UA in per cent [95 % interval] · UA restricted to the classes of the test set: of the highest "
        f"posterior among them ({ABSENT}: no posteriors). The first counts an answer outside the test set's classes "
        "as wrong. The two are not comparable with each other.",
        f"{SIGNS[IN_DOMAIN]} in-domain: that corpus was in training, its test set not. {SIGNS[ZERO_SHOT]} zero-shot: "
        f"the corpus was not. {SIGNS[UNKNOWN]}: not known. {ABSENT}: no answers, see Missing.",
        "Intervals: Student's t around the jackknife over speakers; where the list of test sets names utterances, a "
        f"bootstrap, {found['draws']} draws, seed {found['seed']}. The mean counts each corpus alike and is given where a "
        "system has answers to all of them.",
    ]
    return lines


def paired_notes(found):
    """What the tests rest on."""
    return [
        f"System minus {found['reference']}, in points of UA, unrestricted. Speakers swapped: an exact permutation test "
        "that swaps the two systems' answers of whole speakers; with G of them (up to 20) p cannot be below 2 / 2^G, and "
        f"where that, corrected, is {LEVEL} or more, they are too few to tell. McNemar: on the utterances that one of the two answers rightly "
        "(system : reference); it takes utterances as independent.",
        f"p values are corrected by Holm over the {len(found['tests'])} tests of a column; from {LEVEL} on it is a "
        "tie: this test set does not tell the two apart, which does not make them equal.",
        "Detectable: the smallest true difference of UA that a single such test would find in 80 % of test sets like "
        "this one.",
    ]


def _listed(lines):
    return "\n".join(f"- {markdown_text(line)}" for line in lines)


def _cell(cell):
    if cell is None:
        return ABSENT
    restricted = cell["restricted"] and cell["restricted"]["scores"]["ua"]
    return f"{SIGNS[cell['mark']]} {_pair(cell['scores']['ua'], restricted)}"


def _mean(mean):
    return ABSENT if mean is None else _pair(mean["ua"], mean["restricted"])


def _pair(ua, restricted):
    interval = f"[{_percent(ua['low'])}, {_percent(ua['high'])}]"
    return f"{_percent(ua['value'])} {interval} · {_percent(restricted['value']) if restricted else ABSENT}"


def _percent(value):
    return f"{100 * value:.1f}"

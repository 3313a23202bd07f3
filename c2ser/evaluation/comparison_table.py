"""The table of a comparison in Markdown: what `compare.compare_systems` found, in per cent, with its small print."""

from c2ser.evaluation.results import ABSENT, markdown_table, markdown_text, score_rows
from c2ser.evaluation.significance import ALL_SWAPS

LEVEL = 0.05
"""A corrected p value from here on is a tie."""

PUBLISHED = "published, other features/folds software"


def comparison_rows(comparison, published=()):
    """The table as rows of strings, header first: systems, published results, chance, majority class."""
    systems = comparison["systems"]
    header, *rows = score_rows({name: entry["score"] for name, entry in systems.items()})
    reference = comparison["reference"]
    more = ["UA %, mean of folds", f"Δ UA to {reference}", "speakers swapped", "McNemar", "detectable Δ UA", "marks"]
    table = [[*header, *more]]
    for name, row in zip(systems, rows):
        table.append([*row, *_cells(systems[name], name == reference)])
    blank = [ABSENT] * (len(header) - 1)
    for one in published:
        cells = [one["name"], *blank, *[ABSENT] * (len(more) - 1), f"{PUBLISHED}: {one['source']}"]
        cells[header.index("UA %")] = f"{100 * one['ua']:.1f}"
        table.append(cells)
    table.extend([*row, *[ABSENT] * (len(more) - 1), ""] for row in rows[len(systems) :])
    return table


def comparison_markdown(comparison, caption="", published=()):
    """The table with its caption above and, below, what its numbers mean; Markdown text ending in a line feed."""
    notes = "\n".join(f"- {markdown_text(note)}" for note in comparison_notes(comparison, bool(published)))
    head = f"{markdown_text(caption)}\n\n" if caption else ""
    return f"{head}{markdown_table(comparison_rows(comparison, published))}\n\n{notes}\n"


def comparison_notes(comparison, published=False):
    """What the numbers of the table mean and rest on, one sentence or two each."""
    score = comparison["systems"][comparison["reference"]]["score"]
    unit = score["scores"]["ua"]["unit"]
    tests = len(comparison["systems"]) - 1
    notes = [
        f"n = {score['n']} utterances of {speakers_words(score)}, {len(score['sets'])} test set(s) pooled. "
        f"Brackets: 95 % intervals, {interval_words(unit, comparison)}; those of the mean of folds are Student's t over "
        "the folds.",
        f"Differences are system minus {comparison['reference']}, in points. {swap_words(unit, score['speakers'])} McNemar: "
        "on the utterances that one of the two answers rightly (system : reference); it takes utterances as independent.",
        f"p values are corrected by Holm over the {tests} comparison(s) of a column; from {LEVEL} on it is a tie: this "
        "test set does not tell the two apart, which does not make them equal.",
        "Detectable: the smallest true difference of UA that a single such test would find in 80 % of test sets like "
        "this one.",
    ]
    if any("uses test audio" in entry["marks"] for entry in comparison["systems"].values()):
        notes.append("Uses test audio: features were normalised over the test speakers' utterances, without labels.")
    if published:
        notes.append("Published rows are quoted, not measured here; no test compares with them.")
    return notes


def _cells(entry, is_reference):
    """The columns that a comparison adds for one system."""
    folds = entry["score"]["fold_mean"]
    mean = ABSENT if folds is None else _interval(folds["ua"])
    marks = ", ".join(entry["marks"])
    if is_reference:
        return [mean, "reference", ABSENT, ABSENT, ABSENT, marks]
    ua, paired = entry["difference"]["swapped"]["ua"], entry["difference"]["mcnemar"]
    counts = f"{paired['only_system']} : {paired['only_reference']}"
    difference = f"{100 * ua['value']:+.1f} [{100 * ua['low']:+.1f}, {100 * ua['high']:+.1f}]"
    return [
        mean,
        difference,
        verdict(ua["value"], ua["p_holm"], ua["smallest_p_holm"]),
        f"{verdict(paired['only_system'] - paired['only_reference'], paired['p_holm'])}; {counts}",
        f"{100 * ua['detectable']:.1f}",
        marks,
    ]


def speakers_words(score):
    """How many speakers a score has; where they say unequally much, as how many equal ones they count (Kish)."""
    equal = score["effective_speakers"]
    counted = f" (who count as {equal:.1f} that say equally much)" if score["speakers"] - equal >= 0.05 else ""
    return f"{score['speakers']} speakers{counted}"


def interval_words(unit, found):
    """How intervals were made. found: a comparison or benchmark, with its draws and seed."""
    if unit == "speaker":
        return "Student's t around the jackknife over speakers"
    return f"bootstrap over utterances, {found['draws']} draws, seed {found['seed']}"


def swap_words(unit, speakers):
    """What the permutation test is, and the smallest p value that it can have."""
    if unit != "speaker":
        return "Speakers swapped: here utterances, by a permutation test on UA."
    smallest = f"; with {speakers} speakers p cannot be below {2 / 2**speakers:.2g}" if speakers <= ALL_SWAPS else ""
    return f"Speakers swapped: an exact permutation test on UA that swaps the two systems' answers of whole speakers{smallest}."


def verdict(difference, p_value, smallest=0.0):
    """A corrected p value in words: "better", "worse" or "tie", and the value. smallest: what it could be at least; where
    even that would be a tie, no difference whatever could be told."""
    word = "tie" if p_value >= LEVEL else "better" if difference > 0 else "worse"
    if smallest >= LEVEL:
        word = "too few speakers to tell"
    return f"{word}, p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}"


def _interval(values):
    return f"{100 * values['value']:.1f} [{100 * values['low']:.1f}, {100 * values['high']:.1f}]"

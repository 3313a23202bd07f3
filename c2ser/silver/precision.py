"""How right silver labels are, measured on utterances whose label is known, and thresholds chosen for a precision."""

import math
from typing import NamedTuple

from c2ser.emotions import EMOTIONS, FURTHER_EMOTIONS
from c2ser.silver.agreement import Rule, Thresholds

FOLDS = 5
"""Parts of the labelled utterances of which each is measured with thresholds chosen on the others."""

STEPS = 100
"""At most so many text thresholds are tried for a class: quantiles of the confidences."""


class Judged(NamedTuple):
    """A labelled utterance with what both teachers say of it: Opinion, or None."""

    gold: str
    speech: object
    text: object
    speaker: str


def wilson(right, kept, z=1.959964):
    """Wilson's score interval of a proportion, (lower, upper), 95 % by default; (0, 1) where nothing was kept.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not kept:
        return 0.0, 1.0
    share, weight = right / kept, z * z / kept
    centre = (share + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * math.sqrt(share * (1 - share) / kept + weight / (4 * kept))
    return max(0.0, centre - reach), min(1.0, centre + reach)


def kept_labels(judged, rule):
    """The silver label of each Judged, None where the rule keeps none."""
    return [row.speech.label if rule.reason(row.speech, row.text) is None else None for row in judged]


def measure(judged, labels):
    """Precision and coverage of silver labels.

    judged: list of Judged; labels: the silver label of each, or None. Returns class → row, and "all" → row; a row holds
    gold (utterances of that class), covered (those of them that get a label, right or wrong), coverage (their share),
    kept (utterances that get this label), right (those of them whose class it is), precision, and its Wilson interval,
    low and high. precision and coverage are None where there is nothing to divide by.
    """
    pairs = [(row.gold, label) for row, label in zip(judged, labels)]
    present = {name for pair in pairs for name in pair}
    table = {name: _row(pairs, {name}) for name in EMOTIONS + FURTHER_EMOTIONS if name in present}
    return {**table, "all": _row(pairs, present - {None})}


def _row(pairs, classes):
    gold = sum(truth in classes for truth, _ in pairs)
    covered = sum(truth in classes and label is not None for truth, label in pairs)
    kept = sum(label in classes for _, label in pairs)
    right = sum(label in classes and label == truth for truth, label in pairs)
    low, high = wilson(right, kept)
    return {
        "gold": gold, "covered": covered, "coverage": covered / gold if gold else None,
        "kept": kept, "right": right, "precision": right / kept if kept else None, "low": low, "high": high,
    }  # fmt: skip


def choose_rule(judged, wanted, floor, min_kept):
    """The Rule that keeps most labelled utterances with a precision of at least `wanted` in each class.

    floor: a Rule; no threshold is chosen below its own. A class of which no thresholds keep `min_kept` utterances with
    that precision is turned off: its thresholds are None. The precision is that on the given utterances; see
    `cross_fitted` for one that the choice has not seen.
    """
    agreed = {}
    for row in judged:
        if floor.reason(row.speech, row.text) is None:
            entry = row.speech.confidence, row.text.confidence, row.gold == row.speech.label
            agreed.setdefault(row.speech.label, []).append(entry)
    chosen = {label: _choose(agreed.get(label, []), wanted, min_kept) for label in EMOTIONS + FURTHER_EMOTIONS}
    speech = {label: pair and pair[0] for label, pair in chosen.items()}
    text = {label: pair and pair[1] for label, pair in chosen.items()}
    return Rule(Thresholds(floor.speech.default, speech), Thresholds(floor.text.default, text))


def _choose(entries, wanted, min_kept):
    """(speech threshold, text threshold) of one class, or None.

    For each text threshold the lowest speech threshold that is precise enough; of these pairs the one that keeps most,
    then the most precise, then the lowest text threshold.
    """
    confidences = sorted({text for _, text, _ in entries})
    steps = min(STEPS, len(confidences))
    tried = sorted({confidences[number * len(confidences) // steps] for number in range(steps)})
    best, pair = (0, 0.0), None
    for lowest in tried:
        above = sorted(((speech, right) for speech, text, right in entries if text >= lowest), reverse=True)
        right = 0
        for kept, (speech, is_right) in enumerate(above, 1):
            right += is_right
            whole = kept == len(above) or above[kept][0] < speech  # equal confidences are kept or left together
            precise = right >= wanted * kept - 1e-9  # 0.55 * 100 is a little more than 55
            if whole and precise and kept >= max(1, min_kept) and (kept, right / kept) > best:
                best, pair = (kept, right / kept), (speech, lowest)
    return pair


def cross_fitted(judged, wanted, floor, min_kept):
    """Silver labels of labelled utterances under thresholds that others chose, in the order of `judged`.

    The utterances are dealt into `FOLDS` parts, by speaker where there are several; each part is labelled by the rule
    that `choose_rule` finds on the rest.
    """
    speakers = sorted({row.speaker for row in judged})
    if len(speakers) > 1:
        place = {speaker: number % FOLDS for number, speaker in enumerate(speakers)}
        parts = [place[row.speaker] for row in judged]
    else:
        parts = [number % FOLDS for number in range(len(judged))]
    labels = [None] * len(judged)
    for part in sorted(set(parts)):
        rule = choose_rule([row for row, other in zip(judged, parts) if other != part], wanted, floor, min_kept)
        mine = [number for number, other in enumerate(parts) if other == part]
        for number, label in zip(mine, kept_labels([judged[number] for number in mine], rule)):
            labels[number] = label
    return labels


def format_measure(table):
    """What `measure` gave as lines of text."""
    lines = ["class       gold  coverage   kept  right  precision  95 % interval"]
    for name, row in table.items():
        coverage = "–" if row["coverage"] is None else f"{100 * row['coverage']:.1f}"
        precision = "–" if row["precision"] is None else f"{100 * row['precision']:.1f}"
        interval = f"{100 * row['low']:.1f}–{100 * row['high']:.1f}" if row["kept"] else "–"
        counts = f"{row['gold']:>5} {coverage:>9} {row['kept']:>6} {row['right']:>6}"
        lines.append(f"{name:<10} {counts} {precision:>10}  {interval:>13}")
    return "\n".join(lines)

"""Several systems on the same test sets: scores, differences to one of them, and whether they can be told apart."""

import math
from dataclasses import asdict
from pathlib import Path

from c2ser.datadir.tables import read_lines
from c2ser.errors import InputError
from c2ser.evaluation.bootstrap import DRAWS
from c2ser.evaluation.metrics import METRICS
from c2ser.evaluation.predictions import METHODS, label_order
from c2ser.evaluation.scoring import score_sets
from c2ser.evaluation.significance import detectable_by_mcnemar, detectable_difference, holm, mcnemar, paired_difference


def compare_systems(systems, reference, tables=None, draws=DRAWS, seed=0, unit="speaker"):
    """Score systems on the same pooled test sets and test each against the reference system.

    Args:
        systems: name → its `PredictedSet`s, one a test set (fold), the same sets in the same order for all.
        reference: the name of the system that the others are compared with.
        tables: name → the table its predictions come from; utt2pred where not given.
        draws, seed, unit: as for `score_sets`; the permutation test swaps what the intervals count as one observation.
    Returns:
        A dict that JSON can hold: `reference`, `draws`, `seed`, and `systems`: name → {`score` (as `score_sets` gives
        it), `marks` (what a reader must know, words), `difference` (None for the reference)}. A difference is system
        minus reference: {`swapped`: metric → value, low, high, p, smallest_p, p_holm, smallest_p_holm, detectable; `mcnemar`: only_system,
        only_reference, p, p_holm, detectable}. Holm's correction runs over the systems, for each metric and for McNemar
        apart. `detectable`: the smallest difference a test of this size would see (`significance.detectable_…`).
    Raises:
        InputError: for an unknown reference, or systems scored on different utterances.
    """
    if reference not in systems:
        raise InputError(f"--reference {reference}: not one of the systems {', '.join(systems)}")
    tables = {name: (tables or {}).get(name, "utt2pred") for name in systems}
    base = pool(systems[reference])
    result = {}
    for name, sets in systems.items():
        pooled = pool(sets)
        if pooled[0] != base[0] or pooled[1] != base[1]:
            raise InputError(f"{name} and {reference} were scored on different utterances; give both the same sets")
        result[name] = {
            "score": score_sets(sets, tables[name], draws, seed, unit),
            "marks": marks_of(sets, tables[name]),
            "difference": None,
        }
        if name != reference:
            result[name]["difference"] = difference_of(base, pooled[2], draws, seed, unit)
    differences = [entry["difference"] for entry in result.values() if entry["difference"]]
    families = [[one["swapped"][metric] for one in differences] for metric in METRICS]
    for family in [*families, [one["mcnemar"] for one in differences]]:
        correct(family)
    return {"reference": reference, "draws": draws, "seed": seed, "systems": result}


def correct(tests):
    """Add to a family of tests, dicts, Holm's correction of their `p`, `p_holm`, and the smallest that it could have
    been, `smallest_p_holm`: that of the smallest possible p of each, where all are."""
    for test, corrected in zip(tests, holm([test["p"] for test in tests])):
        test["p_holm"] = corrected
        test["smallest_p_holm"] = min(1.0, len(tests) * test.get("smallest_p", 0.0))


def pool(sets):
    """Utterances, reference labels, answers and speakers of all sets behind each other."""
    fields = ("utterances", "reference", "predicted", "speakers")
    return tuple([value for one in sets for value in getattr(one, field)] for field in fields)


def difference_of(base, predicted, draws, seed, unit):
    """A system's difference to the reference as `compare_systems` gives it, without Holm's correction.

    base: what `pool` gives of the reference; predicted: the system's answers to the same utterances.
    """
    _, truth, base_predicted, speakers = base
    labels = label_order(truth, predicted, base_predicted)
    clusters = speakers if unit == "speaker" else None
    least = 2.0 ** (1 - len(set(speakers))) if clusters else 0.0  # also where they are too few to be swapped
    found = paired_difference(truth, predicted, base_predicted, labels, clusters, draws, seed)
    only_system, only_reference, p_value = mcnemar(truth, predicted, base_predicted)
    return {
        "swapped": {
            metric: {
                **asdict(difference.interval),
                "p": difference.p_value,
                "smallest_p": max(difference.smallest_p, least),
                "detectable": detectable_difference(difference.error, difference.freedom),
            }
            for metric, difference in found.items()
        },
        "mcnemar": {
            "only_system": only_system,
            "only_reference": only_reference,
            "p": p_value,
            "detectable": detectable_by_mcnemar(len(truth), (only_system + only_reference) / len(truth)),
        },
    }


def marks_of(sets, table):
    """What the decode.json files say that a reader of a table must know."""
    marks = [] if table == "utt2pred" else [METHODS.get(table, table)]
    if any(one.decode.get("uses_test_audio") for one in sets):
        marks.append("uses test audio")
    for key, what in (("test_utterances_in_training", "utterances"), ("test_speakers_in_training", "speakers")):
        number = sum(int(one.decode.get(key) or 0) for one in sets)
        if number:
            marks.append(f"{number} test {what} in training")
    return marks


def read_published(path):
    """Read rows of published results: a file of `name<TAB>UA in per cent<TAB>source` lines, # for comments.

    Returns [{"name", "ua" (a fraction), "source"}]. Raises InputError, naming the line, for another form.
    """
    rows = []
    for number, line in read_lines(Path(path)):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("\t")]
        where = f"{path}:{number}"
        if len(fields) != 3 or not all(fields):
            raise InputError(f"{where}: expected `name<TAB>UA in per cent<TAB>source`, found {len(fields)} fields")
        try:
            ua = float(fields[1]) / 100
        except ValueError:
            ua = math.nan
        if not 0 <= ua <= 1:
            raise InputError(f"{where}: UA {fields[1]!r}: expected a number from 0 to 100")
        rows.append({"name": fields[0], "ua": ua, "source": fields[2]})
    return rows

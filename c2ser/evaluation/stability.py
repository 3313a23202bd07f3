"""How stable a system's answers are: across modes and across prompts of the same meaning.

An invalid answer agrees with nothing, not even with another invalid one.
"""

import math
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from c2ser.errors import InputError
from c2ser.evaluation.metrics import INVALID
from c2ser.evaluation.predictions import TABLES, read_set
from c2ser.evaluation.scoring import score_sets


@dataclass
class Decoded:
    """One way of decoding one or several test sets.

    mode, paraphrase: of the decoding; tables: table → class of every utterance, in the order of the sets; scores:
    table → its entry of the report; cost: tokens and seconds an utterance.
    """

    mode: str
    paraphrase: int
    tables: dict
    scores: dict
    cost: dict

    @property
    def name(self):
        """ "implicit", or "implicit, paraphrase 2"."""
        return f"{self.mode}, paraphrase {self.paraphrase}" if self.paraphrase else self.mode


def read_decoded(data_dirs, decode_dirs, mode=None):
    """Read one decoding of each test set as a `Decoded`.

    Raises InputError where the numbers differ, a directory has no table of predictions or another one than the
    others, the mode is not `mode`, or prompts differ, and for everything `read_set` and `score_sets` refuse.
    """
    if len(data_dirs) != len(decode_dirs):
        raise InputError(f"{len(data_dirs)} --data_dir but {len(decode_dirs)} decodings; give one for each set")
    tables = [[table for table in TABLES if (Path(folder) / table).is_file()] for folder in decode_dirs]
    for folder, found in zip(decode_dirs, tables):
        if not found or found != tables[0]:
            raise InputError(f"{folder}: holds {', '.join(found) or 'no predictions'}; decode all sets in the same way")
    labels, scores, cost = {}, {}, {}
    for table in tables[0]:
        sets = [read_set(*pair, table) for pair in zip(data_dirs, decode_dirs)]
        ways = {(one.decode.get("mode"), one.decode.get("paraphrase", 0)) for one in sets}
        if len(ways) > 1 or None in next(iter(ways)):
            listed = ", ".join(map(str, decode_dirs))
            raise InputError(f"{listed}: decode.json is absent or names no mode, or modes or prompts differ")
        found = score_sets(sets, table, draws=1)  # the intervals are not used
        labels[table] = [label for one in sets for label in one.predicted]
        cost = {name: value for name, value in found["decode"].items() if name != "mode"}
        scores[table] = {
            "n": found["n"], "invalid": found["invalid"], "invalid_rate": found["invalid"] / found["n"],
            **{name: entry["value"] for name, entry in found["scores"].items()}, "ece": found["ece"],
        }  # fmt: skip
    found_mode, paraphrase = next(iter(ways))
    if mode and found_mode != mode:
        raise InputError(f"{decode_dirs[0]}: was decoded in mode {found_mode}, not {mode}")
    return Decoded(found_mode, paraphrase, labels, scores, cost)


def agreement(first, second):
    """How often two lists of labels agree: `agreement`, the share, and `kappa`, Cohen's.

    kappa = (p − e) / (1 − e), with p the share of agreement and e the one expected if both chose as often as they do,
    but independently: the sum over classes of the products of their shares (Cohen, 1960). None where both always give
    the same one class. Raises InputError for lists of different or no length.
    """
    if len(first) != len(second) or not first:
        raise InputError(f"{len(first)} and {len(second)} answers cannot be compared")
    count = len(first)
    share = sum(one == other != INVALID for one, other in zip(first, second)) / count
    shares = Counter(first), Counter(second)
    expected = sum(shares[0][label] * shares[1][label] for label in shares[0] if label != INVALID) / count**2
    return {"agreement": share, "kappa": (share - expected) / (1 - expected) if expected < 1 else None}


def prompt_stability(answers):
    """Agreement over prompts. answers: one list of labels for each of two or more prompts, of the same utterances.

    Returns `prompts`; `agreement` and `kappa`, means over the pairs of prompts (kappa None where one has none);
    `unanimous`, the share of utterances for which all prompts give the same class.
    """
    if len(answers) < 2:
        raise InputError(f"{len(answers)} prompt: at least two are needed to compare")
    pairs = [agreement(*pair) for pair in combinations(answers, 2)]
    kappas = [pair["kappa"] for pair in pairs]
    same = [len(set(labels)) == 1 and labels[0] != INVALID for labels in zip(*answers)]
    return {
        "prompts": len(answers),
        "agreement": math.fsum(pair["agreement"] for pair in pairs) / len(pairs),
        "kappa": None if None in kappas else math.fsum(kappas) / len(kappas),
        "unanimous": sum(same) / len(same),
    }


def compare_modes(first, second):
    """table → agreement of two `Decoded` of the same sets, for the tables that both have."""
    return {
        table: agreement(first.tables[table], second.tables[table]) for table in first.tables if table in second.tables
    }


def compare_prompts(decoded):
    """table → `prompt_stability` of several `Decoded` of one mode, with the mean and the standard deviation of UA.

    The deviation is that of a sample. Raises InputError where two were asked the same prompt.
    """
    seen = Counter(one.paraphrase for one in decoded)
    twice = [paraphrase for paraphrase, count in seen.items() if count > 1]
    if twice:
        raise InputError(
            f"{decoded[0].mode}: decodings with prompt {twice[0]} were given twice; --paraphrases takes one for each "
            "paraphrase, and none with the trained prompt, 0"
        )
    found = {}
    for table in decoded[0].tables:
        if all(table in one.tables for one in decoded):
            values = [one.scores[table]["ua"] for one in decoded]
            mean = math.fsum(values) / len(values)
            spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
            found[table] = {
                **prompt_stability([one.tables[table] for one in decoded]),
                "ua": {one.name: value for one, value in zip(decoded, values)}, "ua_mean": mean, "ua_std": spread,
            }  # fmt: skip
    return found

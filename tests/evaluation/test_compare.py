"""Comparisons: against statsmodels and scikit-learn, by hand, and what the table says about them."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import balanced_accuracy_score, f1_score
from statsmodels.stats.contingency_tables import mcnemar as exact_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import normal_power

from c2ser.errors import InputError
from c2ser.evaluation import significance
from c2ser.evaluation.compare import compare_systems, read_published
from c2ser.evaluation.comparison_table import comparison_markdown, comparison_notes, comparison_rows, verdict
from c2ser.evaluation.predictions import PredictedSet

LABELS = ("angry", "happy", "neutral", "sad")


def make_sets(right, folds=2, speakers=6, n=60, seed=0, decode=None):
    """Test sets on which a system is right in about a share of utterances; equal seeds share utterances and luck."""
    random = np.random.default_rng(seed)
    sets = []
    for fold in range(folds):
        reference = random.choice(LABELS, n)
        other = random.choice(LABELS, n)
        predicted = np.where(random.random(n) < right, reference, other)
        names = [f"f{fold}u{i:03d}" for i in range(n)]
        spoken = [f"f{fold}s{i % speakers}" for i in range(n)]
        columns = names, list(reference), list(predicted), spoken
        sets.append(PredictedSet(f"data{fold}", f"exp{fold}", *columns, decode=decode or {}))
    return sets


@pytest.fixture(scope="module")
def comparison():
    systems = {
        "base": make_sets(0.5),
        "same": make_sets(0.5),
        "good": make_sets(0.8),
        "bad": make_sets(0.3, decode={"uses_test_audio": True, "test_speakers_in_training": 2}),
    }
    return systems, compare_systems(systems, "base", draws=2000)


def pooled(sets, field):
    return [value for one in sets for value in getattr(one, field)]


def test_scores_are_those_of_scikit_learn(comparison):
    systems, found = comparison
    for name, sets in systems.items():
        truth, answers = pooled(sets, "reference"), pooled(sets, "predicted")
        score = found["systems"][name]["score"]
        assert score["n"] == 120 and score["speakers"] == 12
        values = {metric: interval["value"] for metric, interval in score["scores"].items()}
        assert values["ua"] == pytest.approx(balanced_accuracy_score(truth, answers))
        assert values["wa"] == pytest.approx(np.mean(np.array(truth) == answers))
        assert values["macro_f1"] == pytest.approx(f1_score(truth, answers, average="macro"))
        folds = [balanced_accuracy_score(one.reference, one.predicted) for one in sets]
        assert score["fold_mean"]["ua"]["value"] == pytest.approx(np.mean(folds))


def reference_mcnemar(only_first, only_second):
    """Exact McNemar p of statsmodels."""
    return exact_mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue


def reference_holm(p_values):
    """Holm's correction of statsmodels."""
    return list(multipletests(p_values, method="holm")[1])


def test_mcnemar_and_holm(comparison):
    systems, found = comparison
    right = {
        name: np.array(pooled(sets, "reference")) == pooled(sets, "predicted") for name, sets in systems.items()
    }
    tests = {}
    for name in ("same", "good", "bad"):
        test = tests[name] = found["systems"][name]["difference"]["mcnemar"]
        assert test["only_system"] == (right[name] & ~right["base"]).sum()
        assert test["only_reference"] == (right["base"] & ~right[name]).sum()
        if name != "same":
            assert test["p"] == pytest.approx(reference_mcnemar(test["only_system"], test["only_reference"]))
    assert tests["same"]["p"] == 1.0
    corrected = reference_holm([test["p"] for test in tests.values()])
    assert [test["p_holm"] for test in tests.values()] == pytest.approx(corrected)
    for metric in ("ua", "wa", "macro_f1"):
        family = [found["systems"][name]["difference"]["swapped"][metric] for name in tests]
        assert [one["p_holm"] for one in family] == pytest.approx(reference_holm([one["p"] for one in family]))
        assert max(one["p_holm"] for one in family) > max(one["p"] for one in family if one["p"] < 1)


def test_differences_are_system_minus_reference(comparison):
    _, found = comparison
    base = found["systems"]["base"]["score"]["scores"]["ua"]["value"]
    assert found["systems"]["base"]["difference"] is None
    for name, sign in (("same", 0), ("good", 1), ("bad", -1)):
        difference = found["systems"][name]["difference"]["swapped"]["ua"]
        assert difference["value"] == pytest.approx(found["systems"][name]["score"]["scores"]["ua"]["value"] - base)
        assert np.sign(difference["value"]) == sign and difference["unit"] == "speaker"
        assert difference["low"] <= difference["value"] <= difference["high"]


def test_detectable_over_utterances_is_a_normal_power_calculation(comparison):
    _, found = comparison
    power = normal_power(significance.detectable_difference(0.02), nobs=1, alpha=0.05, sigma=0.02)
    assert power == pytest.approx(0.8, abs=1e-4)
    assert found["systems"]["same"]["difference"]["swapped"]["wa"]["detectable"] == 0


@pytest.mark.parametrize(("n", "share"), [(450, 0.3), (2000, 0.1), (60, 0.5)])
def test_detectable_by_mcnemar_is_found_in_four_of_five_sets(n, share):
    delta = significance.detectable_by_mcnemar(n, share)
    random = np.random.default_rng(0)
    counts = random.multinomial(n, [(share + delta) / 2, (share - delta) / 2, 1 - share], size=4000)
    low, total = counts[:, :2].min(axis=1), counts[:, :2].sum(axis=1)
    power = (2 * binom.cdf(low, total, 0.5) < 0.05).mean()
    assert 0.70 < power < 0.86  # the exact test is a little more careful than the formula
    assert significance.detectable_by_mcnemar(4 * n, share) == pytest.approx(delta / 2, rel=0.12)
    assert significance.detectable_by_mcnemar(n, 0.0) == 0
    assert significance.detectable_by_mcnemar(5, 0.2) == 0.2


def test_marks_and_refusals(comparison):
    systems, found = comparison
    assert found["systems"]["good"]["marks"] == []
    assert found["systems"]["bad"]["marks"] == ["uses test audio", "4 test speakers in training"]
    tables = compare_systems({"a": systems["base"]}, "a", {"a": "utt2scored"}, draws=10)
    assert tables["systems"]["a"]["marks"] == ["label scoring"]
    with pytest.raises(InputError, match="--reference nobody: not one of the systems base, same"):
        compare_systems(systems, "nobody")
    with pytest.raises(InputError, match="other and base were scored on different utterances"):
        compare_systems({"base": systems["base"], "other": make_sets(0.5, n=59)}, "base", draws=10)


def test_table_says_ties_and_what_is_not_known(comparison):
    _, found = comparison
    header, base, same, good, bad, quoted, chance, majority = comparison_rows(
        found, [{"name": "theirs", "ua": 0.7, "source": "a paper"}]
    )
    column = {name: i for i, name in enumerate(header)}
    assert base[column["Δ UA to base"]] == "reference" and base[column["McNemar"]] == "–"
    assert same[column["speakers swapped"]] == "tie, p = 1.000" and same[column["McNemar"]] == "tie, p = 1.000; 0 : 0"
    assert same[column["Δ UA to base"]] == "+0.0 [+0.0, +0.0]"
    assert good[column["speakers swapped"]].startswith("better, p ") and good[column["Δ UA to base"]].startswith("+")
    assert bad[column["McNemar"]].startswith("worse, p ") and bad[column["marks"]].startswith("uses test audio")
    assert quoted[0] == "theirs" and quoted[column["UA %"]] == "70.0" and quoted[column["n"]] == "–"
    assert quoted[column["marks"]] == "published, other features/folds software: a paper"
    assert chance[0].startswith("Chance") and majority[0].startswith("Always")
    assert len({len(row) for row in (header, base, same, good, bad, quoted, chance, majority)}) == 1


@pytest.mark.parametrize(
    ("difference", "p_value", "words"),
    [
        (3, 0.05, "tie, p = 0.050"),
        (3, 0.049, "better, p = 0.049"),
        (-3, 0.0002, "worse, p < 0.001"),
        (-3, 1, "tie, p = 1.000"),
    ],
)
def test_verdicts(difference, p_value, words):
    assert verdict(difference, p_value) == verdict(difference, p_value, 0.031) == words
    assert verdict(difference, p_value, 0.0625) == f"too few speakers to tell, {words.partition(', ')[2]}"


@pytest.mark.parametrize(("speakers", "systems", "told"), [(5, 1, False), (6, 1, True), (6, 2, False), (7, 2, True), (2, 1, False)])
def test_too_few_speakers_tell_nothing_also_after_holm(speakers, systems, told):
    """Systems that are right throughout, where the reference never is: p is as small as it can be, 2 / 2^speakers each."""
    names = [f"s{number}" for number in range(speakers) for _ in range(4)]
    columns = [f"u{number:03d}" for number in range(len(names))], list(LABELS) * speakers
    wrong = [LABELS[LABELS.index(label) - 1] for label in columns[1]]
    sets = {f"good{number}": [PredictedSet("d", "e", *columns, columns[1], names)] for number in range(systems)}
    found = compare_systems({"base": [PredictedSet("d", "e", *columns, wrong, names)], **sets}, "base", draws=200)
    for row in comparison_rows(found)[2 : 2 + systems]:
        words = row[comparison_rows(found)[0].index("speakers swapped")]
        assert words.startswith("better") if told else words.startswith("too few speakers to tell")
    if speakers > 2:
        ua = found["systems"]["good0"]["difference"]["swapped"]["ua"]
        assert ua["p_holm"] == ua["smallest_p_holm"] == pytest.approx(min(1, systems * 2 / 2**speakers))


def test_speakers_who_say_unequally_much_count_as_fewer():
    """MELD's test in small: one says as much as all others together. (8 + 8)² / (64 + 8) = 3.6 by hand."""
    names = ["one"] * 8 + [f"s{number}" for number in range(8)]
    columns = [f"u{number:02d}" for number in range(16)], list(LABELS) * 4
    found = compare_systems({"a": [PredictedSet("d", "e", *columns, columns[1], names)]}, "a", draws=10)
    assert "16 utterances of 9 speakers (who count as 3.6 that say equally much)" in comparison_notes(found)[0]
    assert "of 12 speakers, 2 test set(s)" in comparison_notes(compare_systems({"a": make_sets(0.5)}, "a", draws=10))[0]


def test_notes_fit_the_comparison(comparison):
    _, found = comparison
    notes = " ".join(comparison_notes(found))
    assert "120 utterances of 12 speakers, 2 test set(s)" in notes
    assert "Student's t around the jackknife over speakers" in notes
    assert "with 12 speakers p cannot be below 0.00049" in notes
    assert "over the 3 comparison(s)" in notes and "Uses test audio" in notes
    assert "Published" not in notes
    few = comparison_notes(compare_systems({"a": make_sets(0.5, speakers=2)}, "a", draws=10), published=True)
    assert "with 4 speakers p cannot be below 0.12" in " ".join(few) and "Published rows are quoted" in " ".join(few)
    text = comparison_markdown(found, "A caption.")
    assert text.startswith("A caption.\n\n| System | UA % |") and text.endswith("\n") and "\n\n- n = 120" in text


def test_published_rows(tmp_path):
    path = tmp_path / "published.tsv"
    path.write_text("# EMOVO\nWavLM base\t42.39\tEmoBox board\n\nWhisper\t57.8\tEmoBox board\n", encoding="utf-8")
    assert read_published(path) == [
        {"name": "WavLM base", "ua": pytest.approx(0.4239), "source": "EmoBox board"},
        {"name": "Whisper", "ua": pytest.approx(0.578), "source": "EmoBox board"},
    ]
    wrong = {
        "a 1 b": ":1: expected `name<TAB>UA",
        "a\tmuch\tb": "UA 'much'",
        "a\t101\tb": "from 0 to 100",
        "a\t5\t": "expected `name<TAB>UA",
        "a\tnan\tb": "UA 'nan'",
    }
    for line, message in wrong.items():
        path.write_text(line + "\n", encoding="utf-8")
        with pytest.raises(InputError, match=message):
            read_published(path)

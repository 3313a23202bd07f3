import math

import numpy as np
import pytest
from scipy import stats
from scipy.stats import sem, t, ttest_1samp, ttest_ind
from sklearn.metrics import balanced_accuracy_score

from c2ser.errors import InputError
from c2ser.evaluation import bootstrap, metrics
from c2ser.evaluation.metrics import INVALID

LABELS = ("angry", "neutral", "sad")


def answers(random, utterances, accuracy):
    reference = random.choice(LABELS, utterances)
    predicted = np.where(random.random(utterances) < accuracy, reference, random.choice([*LABELS, INVALID], utterances))
    return reference, predicted


def test_values_are_those_of_the_whole_set_and_lie_inside():
    reference, predicted = answers(np.random.default_rng(0), 200, 0.6)
    counts = metrics.confusion(reference, predicted, LABELS)
    found = bootstrap.intervals(reference, predicted, LABELS, draws=500)
    assert set(found) == {"ua", "wa", "macro_f1"}
    for name, interval in found.items():
        assert interval.value == pytest.approx(metrics.METRICS[name](counts))
        assert interval.low < interval.value < interval.high
        assert (interval.draws, interval.unit) == (500, "utterance")


def test_seed_decides_everything_and_memory_does_not(monkeypatch):
    reference, predicted = answers(np.random.default_rng(1), 100, 0.5)
    first = bootstrap.intervals(reference, predicted, LABELS, draws=300, seed=3)
    assert bootstrap.intervals(reference, predicted, LABELS, draws=300, seed=3) == first
    assert bootstrap.intervals(reference, predicted, LABELS, draws=300, seed=4) != first
    monkeypatch.setattr(bootstrap, "_CHUNK", 50)
    assert bootstrap.intervals(reference, predicted, LABELS, draws=300, seed=3) == first


def test_accuracy_interval_is_the_binomial_one():
    # The bootstrap of a proportion is a binomial draw: its percentiles are known exactly.
    reference, predicted = ["sad"] * 200, ["sad"] * 120 + ["angry"] * 80
    interval = bootstrap.intervals(reference, predicted, LABELS, draws=20000)["wa"]
    low, high = stats.binom(200, 0.6).ppf([0.025, 0.975]) / 200
    assert interval.low == pytest.approx(low, abs=0.006) and interval.high == pytest.approx(high, abs=0.006)


def test_agrees_with_resampling_one_by_one():
    reference, predicted = answers(np.random.default_rng(2), 80, 0.6)
    random = np.random.default_rng(0)
    scores = []
    for _ in range(2000):
        rows = random.integers(0, 80, 80)
        scores.append(metrics.macro_f1(metrics.confusion(reference[rows], predicted[rows], LABELS)))
    interval = bootstrap.intervals(reference, predicted, LABELS, draws=5000)["macro_f1"]
    assert (interval.low, interval.high) == pytest.approx(tuple(np.percentile(scores, [2.5, 97.5])), abs=0.015)


def test_coverage_of_the_true_score():
    random = np.random.default_rng(5)
    true_ua = 0.6 + 0.4 / 4  # a guess among three classes and the invalid answer
    covered = 0
    for trial in range(200):
        interval = bootstrap.intervals(*answers(random, 150, 0.6), LABELS, draws=400, seed=trial)["ua"]
        covered += interval.low <= true_ua <= interval.high
    assert 0.91 <= covered / 200 <= 0.99


def test_speakers_that_differ_widen_the_interval():
    random = np.random.default_rng(6)
    parts = [answers(random, 60, accuracy) for accuracy in (0.1, 0.9, 0.2, 0.8, 0.3, 0.95)]
    reference, predicted = (np.concatenate(column) for column in zip(*parts))
    speakers = np.repeat([f"s{i}" for i in range(6)], 60)
    clustered = bootstrap.intervals(reference, predicted, LABELS, speakers, draws=2000)["wa"]
    plain = bootstrap.intervals(reference, predicted, LABELS, draws=2000)["wa"]
    assert (clustered.unit, plain.unit) == ("speaker", "utterance")
    assert clustered.value == plain.value
    assert clustered.high - clustered.low > 2 * (plain.high - plain.low)


def test_order_of_utterances_does_not_matter_to_clusters():
    random = np.random.default_rng(7)
    reference, predicted = answers(random, 90, 0.5)
    speakers = np.repeat(["c", "a", "b"], 30)
    shuffled = random.permutation(90)
    first = bootstrap.intervals(reference, predicted, LABELS, speakers, draws=200)
    assert bootstrap.intervals(reference[shuffled], predicted[shuffled], LABELS, speakers[shuffled], draws=200) == first


@pytest.mark.parametrize(("speakers", "unit"), [(1, "utterance (only 1 speaker)"), (2, "utterance (only 2 speakers)")])
def test_too_few_speakers_fall_back_and_say_so(speakers, unit):
    reference, predicted = answers(np.random.default_rng(8), 40, 0.5)
    names = [f"s{i % speakers}" for i in range(40)]
    found = bootstrap.intervals(reference, predicted, LABELS, names, draws=100)["ua"]
    plain = bootstrap.intervals(reference, predicted, LABELS, draws=100)["ua"]
    assert found.unit == unit and (found.low, found.high) == (plain.low, plain.high)


def test_units_of_speakers_are_their_confusion_matrices():
    reference, predicted = answers(np.random.default_rng(10), 60, 0.5)
    speakers = np.array([f"s{i % 3}" for i in range(60)])
    counts, times, unit = bootstrap.resampling_units([predicted, reference], reference, LABELS, speakers)
    assert unit == "speaker" and times.tolist() == [1, 1, 1] and counts.shape == (3, 2, 3, 4)
    for i in range(3):
        own = speakers == f"s{i}"
        np.testing.assert_array_equal(counts[i, 0], metrics.confusion(reference[own], predicted[own], LABELS))
        np.testing.assert_array_equal(counts[i, 1], metrics.confusion(reference[own], reference[own], LABELS))


def test_speakers_with_equal_matrices_are_one_kind():
    reference = ["sad", "angry", "sad", "angry", "sad", "sad", "angry"]
    predicted = ["sad", "sad", "sad", "sad", "angry", "sad", INVALID]
    counts, times, unit = bootstrap.resampling_units([predicted], reference, LABELS, ["d", "d", "a", "a", "b", "c", "e"])
    assert unit == "speaker" and times.tolist() == [2, 1, 1, 1]  # in the order of a, b, c, e
    wanted = [["sad", "angry"], ["sad"], ["sad"], ["angry"]], [["sad", "sad"], ["angry"], ["sad"], [INVALID]]
    for kind, truth, answers in zip(counts[:, 0], *wanted):
        np.testing.assert_array_equal(kind, metrics.confusion(truth, answers, LABELS))


def test_interval_over_speakers_is_scipys_t_interval():
    """Of accuracy, with as many utterances of each speaker: that of the speakers' accuracies."""
    random = np.random.default_rng(2)
    reference, predicted = answers(random, 70, 0.5)
    speakers = np.array([f"s{i % 7}" for i in range(70)])
    shares = [np.mean((predicted == reference)[speakers == name]) for name in np.unique(speakers)]
    low, high = ttest_1samp(shares, 0).confidence_interval(0.95)
    found = bootstrap.intervals(reference, predicted, LABELS, speakers)["wa"]
    assert (found.low, found.high) == pytest.approx((low, high)) and found.draws == 0


def test_jackknife_of_ua_leaves_out_one_speaker_after_the_other():
    """Against scikit-learn, with speakers of unequal size, and Kish's effective number by hand."""
    random = np.random.default_rng(3)
    reference, predicted = answers(random, 60, 0.5)
    speakers = np.repeat(["a", "b", "c", "d"], [30, 15, 10, 5])
    without = [balanced_accuracy_score(reference[speakers != name], predicted[speakers != name]) for name in "abcd"]
    error = np.sqrt(3 / 4 * np.sum((without - np.mean(without)) ** 2))
    freedom = 60**2 / (900 + 225 + 100 + 25) - 1
    half = t.ppf(0.975, freedom) * error
    found = bootstrap.intervals(reference, predicted, LABELS, speakers)["ua"]
    value = balanced_accuracy_score(reference, predicted)
    assert (found.low, found.high) == pytest.approx((max(0, value - half), min(1, value + half)))


def test_mean_of_scores_has_welchs_degrees_of_freedom():
    first, second = np.random.default_rng(4).normal(size=9), np.random.default_rng(5).normal(0, 3, size=4)
    errors, freedoms = [sem(first), sem(second)], [8, 3]
    error, freedom = bootstrap.mean_error(errors, freedoms)
    assert freedom == pytest.approx(ttest_ind(first, second, equal_var=False).df)
    assert error == pytest.approx(np.hypot(*errors) / 2)
    assert bootstrap.mean_error([0.1, 0.1], [np.inf, np.inf])[1] == np.inf


@pytest.mark.parametrize("speakers", [4, 10])
def test_intervals_over_few_speakers_hold_the_truth(speakers):
    """Speakers differ by 8 points about a true UA of one half; 92 to 97 % of the intervals hold it, benchmarks/few_speakers.py
    says more exactly how many."""
    random, held = np.random.default_rng(6), 0
    for _ in range(200):
        right = np.repeat(np.clip(random.normal(0.5, 0.08, speakers), 0, 1), 60)
        reference = np.tile(LABELS[:2], 30 * speakers)
        other = np.where(reference == LABELS[0], LABELS[1], LABELS[0])
        predicted = np.where(random.random(len(right)) < right, reference, other)
        names = np.repeat(np.arange(speakers), 60).astype(str)
        found = bootstrap.intervals(reference, predicted, LABELS[:2], names, metrics={"ua": metrics.ua})["ua"]
        held += found.low <= 0.5 <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_merging_speakers_changes_no_interval(monkeypatch):
    reference, predicted = answers(np.random.default_rng(11), 400, 0.6)
    speakers = [f"s{i // 2}" for i in range(400)]
    merged = bootstrap.intervals(reference, predicted, LABELS, speakers, draws=8000)
    monkeypatch.setattr(bootstrap, "_distinct", lambda counts: (counts, np.ones(len(counts), dtype=np.int64)))
    for name, apart in bootstrap.intervals(reference, predicted, LABELS, speakers, draws=8000).items():
        assert merged[name].value == apart.value
        assert (merged[name].low, merged[name].high) == pytest.approx((apart.low, apart.high))


def test_every_utterance_its_own_speaker_is_as_fast_as_utterances():
    reference, predicted = answers(np.random.default_rng(12), 20_000, 0.6)
    counts, times, _ = bootstrap.resampling_units([predicted], reference, LABELS, [f"s{i}" for i in range(20_000)])
    assert len(counts) <= 3 * 4 and times.sum() == 20_000  # so the draws are over cells
    np.testing.assert_array_equal(
        (counts[:, 0] * times[:, None, None]).sum(axis=0), metrics.confusion(reference, predicted, LABELS)
    )


def test_percentiles_are_the_central_95_per_cent():
    assert bootstrap.percentiles(np.append(np.arange(1001.0), np.nan)) == pytest.approx((25, 975))


def test_resamples_hold_as_many_units_as_there_are(monkeypatch):
    monkeypatch.setattr(bootstrap, "_CHUNK", 400)  # chunks that do not divide the draws
    reference, predicted = answers(np.random.default_rng(9), 50, 0.5)
    counts, times, _ = bootstrap.resampling_units([predicted], reference, LABELS)
    drawn = np.concatenate(list(bootstrap.resamples(counts, times, 100, seed=0)))
    assert drawn.shape == (100, 1, 3, 4)
    assert (drawn.sum(axis=(1, 2, 3)) == 50).all()
    np.testing.assert_allclose(drawn.mean(axis=0)[0], metrics.confusion(reference, predicted, LABELS), atol=1.5)


def test_a_class_missing_from_a_resample_is_left_out_of_the_mean():
    found = bootstrap.intervals(["sad"] * 30 + ["angry"], ["sad"] * 30 + ["neutral"], LABELS, draws=500)["ua"]
    assert found.value == pytest.approx(0.5) and found.high == 1.0  # resamples without the one angry utterance


def test_fold_mean_is_student_t():
    values = [0.5, 0.6, 0.4, 0.55, 0.45]
    found = bootstrap.fold_mean(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((0.5, low, high))
    assert (found.draws, found.unit) == (0, "fold (Student t)")


def test_fold_mean_stays_in_range_and_needs_two_folds():
    assert (bootstrap.fold_mean([0.9, 1.0]).high, bootstrap.fold_mean([0.0, 0.1]).low) == (1.0, 0.0)
    single = bootstrap.fold_mean([0.7])
    assert (single.value, single.draws) == (0.7, 0) and math.isnan(single.low) and math.isnan(single.high)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], [], LABELS), "of 0, 0 utterances"),
        ((["sad"], ["sad", "sad"], LABELS), "of 1, 2 utterances"),
        ((["sad"], ["sad"], LABELS, ["a", "b"]), "2 speakers for 1 utterances"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(InputError, match=message):
        bootstrap.intervals(*arguments, draws=10)

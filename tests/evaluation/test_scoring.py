import json

import numpy as np
import pytest
from sklearn.metrics import classification_report

from c2ser.errors import InputError
from c2ser.evaluation.predictions import PredictedSet, read_set
from c2ser.evaluation.scoring import score_sets


def predicted_set(prefix, reference, predicted, **more):
    utterances = [f"{prefix}{i}" for i in range(len(reference))]
    speakers = [prefix] * len(reference)
    return PredictedSet(f"data/{prefix}", f"exp/{prefix}", utterances, reference, predicted, speakers, **more)


def test_scores_one_set_by_hand(one_set):
    score = score_sets([read_set(*one_set)], draws=50)
    assert score["labels"] == ["angry", "fearful", "happy", "neutral"]  # happy was answered, but is in no reference
    assert score["confusion"] == [[1, 1, 0, 0, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 1, 1, 0]]
    assert (score["n"], score["invalid"], score["speakers"], score["table"]) == (6, 1, 1, "utt2pred")
    assert score["scores"]["ua"]["value"] == score["scores"]["wa"]["value"] == pytest.approx(1 / 2)
    assert score["scores"]["macro_f1"]["value"] == pytest.approx((2 / 3 + 1 / 2 + 2 / 3) / 3)
    assert score["scores"]["ua"]["unit"] == "utterance (only 1 speaker)"
    assert score["per_class"]["fearful"] == {"n": 2, "recall": 0.5, "precision": 0.5, "f1": 0.5}
    assert score["per_class"]["happy"] == {"n": 0, "recall": None, "precision": None, "f1": None}
    assert score["chance"]["ua"] == pytest.approx(1 / 3)
    assert score["majority"]["label"] == "angry" and score["majority"]["wa"] == pytest.approx(1 / 3)
    assert score["ece"] is None and score["fold_mean"] is None
    assert score["decode"] == {"mode": "implicit", "tokens_per_utterance": 4, "seconds_per_utterance": 0.5}
    assert json.loads(json.dumps(score, allow_nan=False)) == score


def test_calibration_of_scored_predictions(one_set):
    score = score_sets([read_set(*one_set, "utt2scored")], "utt2scored", draws=50)
    assert score["ece"] == pytest.approx(5 / 6 - 0.8)
    filled = score["reliability"]["count"].index(6)  # all six answers are equally sure
    assert filled == 11 and sum(score["reliability"]["count"]) == 6
    assert score["reliability"]["confidence"][filled] == pytest.approx(0.8)
    assert score["reliability"]["accuracy"][filled] == pytest.approx(5 / 6)


def test_pools_folds_and_averages_them():
    right = predicted_set("a", ["sad"] * 4 + ["angry"] * 4, ["sad"] * 4 + ["angry"] * 4)
    wrong = predicted_set("b", ["sad"] * 2, ["angry"] * 2)
    score = score_sets([right, wrong], draws=50)
    assert score["scores"]["wa"]["value"] == pytest.approx(8 / 10)
    assert score["fold_mean"]["wa"]["value"] == pytest.approx(1 / 2)
    assert score["fold_mean"]["wa"]["unit"] == "fold (Student t)"
    assert [(one["data_dir"], one["n"], one["wa"]) for one in score["sets"]] == [("data/a", 8, 1.0), ("data/b", 2, 0.0)]


def test_invalid_answers_are_counted_in_all_and_in_each_set():
    first = predicted_set("a", ["sad"] * 3, ["<invalid>", "<invalid>", "sad"])
    score = score_sets([first, predicted_set("b", ["angry"] * 2, ["angry", "<invalid>"])], draws=10)
    assert score["invalid"] == 3 and [one["invalid"] for one in score["sets"]] == [2, 1]
    assert score["confusion"] == [[1, 0, 1], [0, 1, 2]]


def test_speakers_are_resampled_unless_told_otherwise(folds):
    sets = [read_set(*pair) for pair in zip(*folds)]
    assert score_sets(sets, draws=50)["scores"]["ua"]["unit"] == "speaker"
    assert score_sets(sets, draws=50, unit="utterance")["scores"]["ua"]["unit"] == "utterance"


def test_costs_are_averaged_over_utterances():
    first = predicted_set("a", ["sad"] * 3, ["sad"] * 3, decode={"mode": "explicit", "tokens_per_utterance": 40})
    second = predicted_set("b", ["sad"], ["sad"], decode={"mode": "explicit", "tokens_per_utterance": 60})
    assert score_sets([first, second], draws=10)["decode"] == {"mode": "explicit", "tokens_per_utterance": 45}
    assert score_sets([first, predicted_set("c", ["sad"], ["sad"])], draws=10)["decode"] is None


def test_the_highest_peak_of_memory_counts():
    sets = [predicted_set(name, ["sad"], ["sad"], decode={"mode": "implicit", "peak_memory_bytes": peak, "device": device})
            for name, peak, device in (("a", 2e9, "CPU"), ("b", 3e9, "CPU"), ("c", 1e9, "GPU"))]  # fmt: skip
    assert score_sets(sets, draws=10)["decode"] == {"mode": "implicit", "peak_memory_bytes": 3e9, "device": "CPU, GPU"}
    sets.append(predicted_set("d", ["sad"], ["sad"], decode={"mode": "implicit"}))
    assert "peak_memory_bytes" not in score_sets(sets, draws=10)["decode"]


def test_refuses_to_count_an_utterance_twice():
    one = predicted_set("a", ["sad"], ["sad"])
    with pytest.raises(InputError, match="a0 is in both data/a and data/a"):
        score_sets([one, one], draws=10)


def test_refuses_to_mix_modes():
    sets = [predicted_set(mode, ["sad"], ["sad"], decode={"mode": mode}) for mode in ("explicit", "implicit")]
    with pytest.raises(InputError, match="different modes: explicit, implicit"):
        score_sets(sets, draws=10)


def test_classes_agree_with_sklearn():
    random = np.random.default_rng(0)
    truth = random.choice(["angry", "happy", "neutral", "sad"], 200).tolist()
    answers = random.choice(["angry", "happy", "neutral", "sad", "surprised", "<invalid>"], 200).tolist()
    score = score_sets([predicted_set("a", truth, answers)], draws=5)
    wanted = classification_report(truth, answers, labels=["angry", "happy", "neutral", "sad"], output_dict=True)
    for label, entry in score["per_class"].items():
        if label == "surprised":
            assert entry == {"n": 0, "recall": None, "precision": None, "f1": None}
            continue
        assert entry["n"] == wanted[label]["support"]
        for ours, theirs in (("recall", "recall"), ("precision", "precision"), ("f1", "f1-score")):
            assert entry[ours] == pytest.approx(wanted[label][theirs])
    assert score["weighted_f1"] == pytest.approx(wanted["weighted avg"]["f1-score"])
    assert score["scores"]["ua"]["value"] == pytest.approx(wanted["macro avg"]["recall"])
    assert score["scores"]["macro_f1"]["value"] == pytest.approx(wanted["macro avg"]["f1-score"])
    assert score["outside"] == answers.count("surprised") > 0

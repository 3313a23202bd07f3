"""On what candidates are judged, and that the judgement decides."""

import numpy as np
import pytest

from c2ser.errors import InputError
from c2ser.probe import choose
from c2ser.probe.choose import make_design, search_heads, search_strengths
from c2ser.probe.features import Standardiser
from c2ser.probe.head import fit_head
from c2ser.probe.linear import STRENGTHS, fit_logistic
from c2ser.probe.weights import unweighted_recall

LABELS = ["angry", "sad"] * 6


def test_dev_is_held_out_and_not_fitted_on():
    design = make_design("dev", LABELS, ["s"] * 12, 8)
    assert [[rows.tolist() for rows in split] for split in design.splits] == [[list(range(8)), list(range(8, 12))]]
    assert design.final.tolist() == list(range(8)) and design.says == "dev"


def test_without_dev_a_fifth_of_each_class_stands_in():
    labels = ["angry"] * 40 + ["sad"] * 10 + ["happy"] * 2 + ["fearful"]
    design = make_design("dev", labels, ["s"] * 53, 53, seed=3)
    (fitted, held), = design.splits
    assert sorted([*fitted, *held]) == list(range(53)) and design.final.tolist() == list(range(53))
    taken = [labels[row] for row in held]
    assert [taken.count(label) for label in ("angry", "sad", "happy", "fearful")] == [8, 2, 1, 0]
    same, other = (make_design("dev", labels, ["s"] * 53, 53, seed=seed).splits[0][1] for seed in (3, 4))
    assert same.tolist() == held.tolist() != other.tolist()


def test_across_speakers_nobody_is_on_both_sides():
    speakers = list("aabbccddaabb")
    design = make_design("cross_speaker", LABELS, speakers, 8)
    for fitted, held in design.splits:
        assert len({speakers[row] for row in held}) == 1
        assert not {speakers[row] for row in held} & {speakers[row] for row in fitted}
        assert sorted([*fitted, *held]) == list(range(12))
    assert sorted(row for _, held in design.splits for row in held) == list(range(12))
    assert design.final.tolist() == list(range(12))


def test_many_speakers_are_left_out_in_ten_whole_groups():
    speakers = [f"s{i // 4:02d}" for i in range(100)]
    design = make_design("cross_speaker", ["angry", "sad"] * 50, speakers, 100)
    assert len(design.splits) == 10 and "10 groups of their 25 speakers" in design.says
    groups = [{speakers[row] for row in held} for _, held in design.splits]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 25


@pytest.mark.parametrize(
    ("way", "labels", "speakers", "message"),
    [
        ("dev", ["sad"] * 4, "aabb", r"two classes to train on; there is only \['sad'\]"),
        ("cross_speaker", ["sad", "angry"] * 2, "aabb", "needs 3 of them in train and dev, there are 2"),
        ("cross_speaker", ["sad", "sad", "angry", "sad"], "abcd", r"there is only \['sad'\]"),
        ("test", ["sad", "angry"] * 2, "abcd", "expected one of dev, cross_speaker"),
    ],
)
def test_what_is_refused(way, labels, speakers, message):
    with pytest.raises(InputError, match=message):
        make_design(way, labels, list(speakers), 4)


def noisy(count, seed):
    """One telling dimension and sixty that separate twenty utterances by chance: strong regularisation is better."""
    random, labels = np.random.default_rng(seed), ["angry", "sad"] * (count // 2)
    signal = np.where(np.array(labels) == "sad", -1.0, 1.0)[:, None]
    return np.hstack([signal + random.normal(0, 0.7, (count, 1)), random.normal(0, 1, (count, 60))]), labels


def test_held_out_utterances_choose_the_strength():
    (train, labels), (dev, dev_labels) = noisy(20, 0), noisy(200, 1)
    together, all_labels = np.concatenate([train, dev]), labels + dev_labels
    found = search_strengths(together, all_labels, make_design("dev", all_labels, ["s"] * 220, 20))
    scaling, recalls = Standardiser.fit(train), {}
    for strength in STRENGTHS:
        model = fit_logistic(scaling.apply(train), labels, strength)
        answers = [model.classes[i] for i in model.posteriors(scaling.apply(dev)).argmax(1)]
        recalls[strength] = unweighted_recall(dev_labels, answers)
    assert {one["strength"]: one["ua"] for one in found} == recalls
    assert len(set(recalls.values())) > 1
    chosen = choose.best_of(found)
    assert chosen["ua"] == max(recalls.values())
    assert chosen["strength"] == min(one for one in STRENGTHS if recalls[one] == max(recalls.values()))


def test_across_speakers_a_feature_that_names_the_speaker_does_not_help():
    """Each speaker has a dimension of its own that tells the classes apart: worthless for anybody else."""
    random, speakers = np.random.default_rng(0), [f"s{i % 4}" for i in range(80)]
    labels = [("angry", "sad")[i // 4 % 2] for i in range(80)]
    values = random.normal(0, 0.1, (80, 4))
    for row, (speaker, label) in enumerate(zip(speakers, labels)):
        values[row, int(speaker[1])] += 1 if label == "sad" else -1
    inside = search_strengths(values, labels, make_design("dev", labels, speakers, 60))
    across = search_strengths(values, labels, make_design("cross_speaker", labels, speakers, 60))
    assert choose.best_of(inside)["ua"] == 1.0 and choose.best_of(across)["ua"] < 0.8


def test_heads_report_their_best_epoch_and_it_can_be_had_again(layers, monkeypatch):
    monkeypatch.setattr(choose, "EPOCHS", 6)
    monkeypatch.setattr(choose, "HIDDEN", (8,))
    values, labels = layers(90, signal=(1.0,))
    design = make_design("dev", labels, ["s"] * 90, 45)
    found = search_heads([values], labels, design)
    assert [(one["hidden"], one["rate"]) for one in found] == [(8, 1e-4), (8, 1e-3)]
    best = choose.best_of(found)
    scaling = Standardiser.fit(values[:45])
    recalls = []
    for epochs in range(1, 7):
        head = fit_head([scaling.apply(values[:45])], labels[:45], 8, best["rate"], epochs)
        answers = choose.answer(head.classes, head.posteriors([scaling.apply(values[45:])]))
        recalls.append(unweighted_recall(labels[45:], answers))
    assert best["ua"] == max(recalls) and best["epochs"] == recalls.index(max(recalls)) + 1


def test_the_first_of_equals_wins():
    assert choose.best_of([{"n": 1, "ua": 0.5}, {"n": 2, "ua": 0.7}, {"n": 3, "ua": 0.7}])["n"] == 2


def test_without_dev_some_class_must_have_two():
    """Of one utterance a class none can be held out, and nothing would be chosen on."""
    with pytest.raises(InputError, match="no class has two in train; give it a dev set"):
        make_design("dev", ["sad", "happy"], ["s", "t"], 2)

import logging

import numpy as np
import pytest

from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from c2ser.evaluation.predictions import label_order, read_posteriors, read_set
from c2ser.evaluation.scoring import score_sets


def rewrite(path, change):
    """Apply `change` to the list of a file's lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("".join(f"{line}\n" for line in change(lines)), encoding="utf-8")


def test_reads_a_set_in_its_order(one_set):
    data, decode = one_set
    found = read_set(data, decode)
    assert found.utterances == [f"m1_{i}" for i in range(6)] and len(found) == 6
    assert found.reference == ["angry", "angry", "fearful", "fearful", "neutral", "neutral"]
    assert found.predicted == ["angry", "fearful", "<invalid>", "fearful", "happy", "neutral"]
    assert found.speakers == ["m1"] * 6
    assert found.decode["mode"] == "implicit"


def test_utterances_without_a_label_are_never_scored(one_set, caplog):
    """One is absent from utt2emo, one is unknown there; both were decoded. Four labels stay, three answered rightly."""
    data, decode = one_set
    rewrite(data / "utt2emo", lambda lines: [*lines[:4], "m1_4 unknown"])
    with caplog.at_level(logging.INFO):
        found = read_set(data, decode, "utt2scored")
    assert found.utterances == [f"m1_{i}" for i in range(4)] and len(found.speakers) == len(found.posteriors) == 4
    assert "2 of 6 utterances have no label and are not scored: m1_4, m1_5" in caplog.text
    score = score_sets([found], "utt2scored", draws=10)
    assert (score["n"], score["labels"], score["chance"]["ua"]) == (4, ["angry", "fearful"], 0.5)
    assert score["scores"]["ua"]["value"] == (1 / 2 + 2 / 2) / 2
    (data / "utt2emo").write_text("m1_0 unknown\n")
    with pytest.raises(InputError, match="utt2emo: no utterances with a label: there is nothing to score"):
        read_set(data, decode)


def test_confidence_only_where_predictions_are_those_of_the_posteriors(one_set):
    assert read_set(*one_set, "utt2scored").confidence.tolist() == [0.8] * 6
    assert read_set(*one_set, "utt2pred").confidence is None
    for name in ("posteriors", "labels"):
        (one_set[1] / name).unlink()
    assert read_set(*one_set, "utt2scored").confidence is None


def test_a_probe_directory_needs_only_predictions_and_posteriors(one_set):
    data, decode = one_set
    (decode / "utt2scored").replace(decode / "utt2pred")
    (decode / "decode.json").unlink()
    found = read_set(data, decode)
    assert found.decode == {} and found.confidence.tolist() == [0.8] * 6


def test_equal_posteriors_may_go_either_way(one_set):
    rewrite(one_set[1] / "posteriors", lambda lines: [f"{line.split()[0]} 0.5 0.5 0" for line in lines[:4]] + lines[4:])
    assert read_set(*one_set, "utt2scored").confidence.tolist() == [0.5] * 4 + [0.8] * 2


def test_posteriors_are_read_as_numbers(one_set):
    labels, rows = read_posteriors(one_set[1])
    assert labels == ["angry", "fearful", "neutral"]
    np.testing.assert_array_equal(rows["m1_1"], [0.1, 0.8, 0.1])


def test_label_order_is_the_projects():
    assert label_order(["sad", "<invalid>"], ["calm", "angry"]) == ["angry", "sad", "calm"]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("utt2pred", lambda lines: lines[2:], r"utt2pred: 2 of 6 utterances are missing, first: m1_0, m1_1; decode"),
        ("utt2pred", lambda lines: [*lines, "m2_0 sad", "m2_1 sad"], r"2 utterances are not in \S+, first: m2_0"),
        ("utt2pred", lambda lines: [*lines[:5], "m9 sad"], r"1 of 6 utterances are missing.*; 1 utterances are not in"),
        ("utt2pred", lambda lines: ["m1_0 Angry", *lines[1:]], r"1 of 6 entries hold an unknown label.*: m1_0 Angry"),
        ("utt2pred", lambda lines: ["m1_0", *lines[1:]], r"utt2pred:1: m1_0 has no value"),
        ("utt2pred", lambda lines: lines[::-1], r"not sorted"),
        ("utt2pred", lambda lines: [lines[0], *lines], r"duplicate id m1_0"),
        ("utt2scored", lambda lines: ["m1_0 <invalid>", *lines[1:]], r"unknown label, first: m1_0 <invalid>"),
        ("utt2scored", lambda lines: ["m1_0 neutral", *lines[1:]], r"m1_0: neutral is not the class with the highest"),
        ("utt2scored", lambda lines: ["m1_0 happy", *lines[1:]], r"m1_0: happy is not the class with the highest"),
        ("posteriors", lambda lines: lines[1:], r"posteriors: 1 of 6 utterances are missing, first: m1_0"),
        ("posteriors", lambda lines: ["m1_0 0.5 0.5", *lines[1:]], r"posteriors:1: m1_0: 2 posteriors for 3 classes"),
        ("posteriors", lambda lines: ["m1_0 0.5 0.5 0.5", *lines[1:]], r"posteriors:1: m1_0: posteriors must be"),
        ("posteriors", lambda lines: ["m1_0 nan 0.5 0.5", *lines[1:]], r"posteriors:1: m1_0: posteriors must be"),
        ("posteriors", lambda lines: ["m1_0 1.5 -0.5 0", *lines[1:]], r"posteriors:1: m1_0: posteriors must be"),
        ("posteriors", lambda lines: ["m1_0 a b c", *lines[1:]], r"posteriors:1: m1_0: a posterior is not a number"),
        ("labels", lambda lines: ["Angry", *lines[1:]], r"labels: 1 of 3 entries hold an unknown label.*: 1 Angry"),
        ("decode.json", lambda lines: ["{"], r"decode.json: not JSON"),
        ("decode.json", lambda lines: ["[]"], r"decode.json: expected a JSON object"),
    ],
)
def test_refuses_faulty_predictions(one_set, name, change, message):
    data, decode = one_set
    rewrite(decode / name, change)
    table = name if name.startswith("utt2") else "utt2scored"
    with pytest.raises(InputError, match=message):
        read_set(data, decode, table)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("utt2emo", lambda lines: [], r"utt2emo: no utterances"),
        ("utt2emo", lambda lines: ["m1_0 anger", *lines[1:]], r"utt2emo: 1 of 6 entries hold an unknown label"),
        ("utt2emo", lambda lines: ["m1_0 <invalid>", *lines[1:]], r"utt2emo: 1 of 6 entries hold an unknown label"),
        ("utt2spk", lambda lines: lines[1:], r"utt2spk: 1 of 6 utterances are missing, first: m1_0; fix the data"),
    ],
)
def test_refuses_a_faulty_reference(one_set, name, change, message):
    rewrite(one_set[0] / name, change)
    with pytest.raises(InputError, match=message):
        read_set(*one_set)


@pytest.mark.parametrize("name", ["utt2pred", "posteriors", "labels"])
def test_a_missing_file_is_named(one_set, name):
    (one_set[1] / name).unlink()
    with pytest.raises(InputError, match=rf"{name}: no such file"):
        read_set(*one_set, "utt2pred")


def test_constrained_answers_are_read_like_the_others(one_set):
    """Whoever may only answer with a class never gives an invalid answer."""
    data, decode = one_set
    answers = dict.fromkeys(read_table(decode / "utt2scored"), "neutral")
    write_table(decode / "utt2constrained", answers)
    found = read_set(data, decode, "utt2constrained")
    assert found.predicted == ["neutral"] * 6 and found.confidence is None
    write_table(decode / "utt2constrained", {**answers, "m1_2": "<invalid>"})
    with pytest.raises(
        InputError, match="utt2constrained: 1 of 6 entries hold an unknown label, first: m1_2 <invalid>"
    ):
        read_set(data, decode, "utt2constrained")


def test_posteriors_come_in_the_order_of_the_set(one_set):
    rewrite(one_set[1] / "posteriors", lambda lines: ["m1_0 0.7 0.2 0.1", *lines[1:]])
    found = read_set(*one_set)
    assert found.classes == ("angry", "fearful", "neutral") and found.votes is None
    assert found.posteriors.shape == (6, 3) and found.posteriors[0].tolist() == [0.7, 0.2, 0.1]


def test_votes_are_read_beside_the_labels(one_set):
    table = one_set[0] / "utt2votes"
    table.write_text("m1_0 angry:2 sad:1 happy:0\nx9 calm:0.5\n", encoding="utf-8")
    assert read_set(*one_set).votes == {"m1_0": {"angry": 2, "sad": 1}, "x9": {"calm": 0.5}}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("angry:2 Sad:1", "utt2votes:2: m1_1: votes hold an unknown label, 'Sad'"),
        ("angry", "is not `class:votes"),
        ("angry:2 angry:1", "m1_1: a class stands twice in 'angry:2 angry:1'"),
        ("angry:two", "m1_1: 'angry:two' is not `class:votes"),
        ("angry:-1 sad:3", "is not `class:votes"),
        ("angry:nan", "is not `class:votes"),
        ("angry:inf", "is not `class:votes"),
        ("angry:0", "with some vote above 0"),
    ],
)
def test_refuses_faulty_votes(one_set, value, message):
    (one_set[0] / "utt2votes").write_text(f"m1_0 sad:1\nm1_1 {value}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_set(*one_set)

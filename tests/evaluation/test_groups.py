import numpy as np
import pytest

from c2ser.bin import score
from c2ser.datadir import write_table
from c2ser.evaluation.answers import read_answer_set
from c2ser.evaluation.groups import UNKNOWN, read_groups, split, take
from c2ser.evaluation.predictions import PredictedSet, read_set
from c2ser.evaluation.results import group_matrix, group_rows
from c2ser.evaluation.scoring import score_sets


def a_set(prefix="a", groups=None, **more):
    reference = ["sad", "sad", "angry", "angry"]
    predicted = ["sad", "angry", "happy", "angry"]
    return PredictedSet(f"data/{prefix}", "exp", [f"{prefix}{i}" for i in range(4)], reference, predicted,
                        [f"{prefix}s{i % 2}" for i in range(4)], groups=groups or {}, **more)  # fmt: skip


def test_tables_of_a_data_directory(tmp_path):
    write_table(tmp_path / "utt2lang", {"u": "zh", "v": "it"})
    assert read_groups(tmp_path, ["v", "u", "w"]) == {"language": ["it", "zh", UNKNOWN]}
    write_table(tmp_path / "utt2corpus", {"u": "casia", "v": "emovo"})
    assert read_groups(tmp_path, ["u"]) == {"corpus": ["casia"], "language": ["zh"]}
    (tmp_path / "utt2lang").unlink()
    (tmp_path / "utt2corpus").unlink()
    assert read_groups(tmp_path, ["u"]) == {}


def test_sets_are_split_and_stay_aligned():
    posteriors = np.eye(4)[:, :3] * 0.5 + 0.1
    first = a_set("a", {"language": ["it", "zh", "it", "zh"]}, confidence=np.arange(4) / 4, posteriors=posteriors)
    parts = split([first, a_set("b", {"language": ["it"] * 4})], "language")
    assert list(parts) == ["it", "zh"]
    assert [one.utterances for one in parts["it"]] == [["a0", "a2"], ["b0", "b1", "b2", "b3"]]
    assert parts["zh"][0].reference == ["sad", "angry"] and parts["zh"][0].predicted == ["angry", "angry"]
    np.testing.assert_array_equal(parts["it"][0].confidence, [0, 0.5])
    np.testing.assert_array_equal(parts["zh"][0].posteriors, posteriors[[1, 3]])
    assert parts["it"][0].groups == {"language": ["it", "it"]}
    assert take(first, [3]).speakers == ["as1"]


def test_one_group_is_none():
    assert split([a_set("a", {"corpus": ["x"] * 4}), a_set("b", {"corpus": ["x"] * 4})], "corpus") == {}
    assert split([a_set("a"), a_set("b")], "corpus") == {}
    assert list(split([a_set("a", {"corpus": ["x"] * 4}), a_set("b")], "corpus")) == [UNKNOWN, "x"]


def test_groups_are_scored_over_their_own_classes():
    groups = {"corpus": ["x", "x", "y", "y"]}
    made = score_sets([a_set(groups=groups), a_set("b")], draws=50)
    alone = {"x": (["sad", "sad"], ["sad", "angry"]), "y": (["angry", "angry"], ["happy", "angry"])}
    assert set(made["groups"]) == {"corpus"} and set(made["groups"]["corpus"]) == {"x", "y", UNKNOWN}
    for name, (reference, predicted) in alone.items():
        found = made["groups"]["corpus"][name]
        wanted = score_sets([PredictedSet("d", "e", ["1", "2"], reference, predicted, ["as0", "as1"])], draws=50)
        assert found["scores"] == wanted["scores"] and found["classes"] == 1 and found["n"] == 2
        assert found["outside"] == 1 and found["restricted"] is None
    assert score_sets([a_set()], draws=5)["groups"] == {}


def test_a_group_may_be_told_its_classes():
    """Two utterances of y are angry; the posteriors favour happy, which y lacks."""
    posteriors = np.array([[0.1, 0.1, 0.8], [0.1, 0.1, 0.8], [0.3, 0.6, 0.1], [0.3, 0.6, 0.1]])
    one = a_set(groups={"corpus": ["x", "x", "y", "y"]}, posteriors=posteriors, classes=("angry", "happy", "sad"))
    found = score_sets([one], draws=20)["groups"]["corpus"]
    assert found["y"]["scores"]["ua"]["value"] == 0.5 and found["y"]["restricted"]["ua"]["value"] == 1.0


def test_tables_show_groups():
    grouped = score_sets([a_set(groups={"language": ["it", "zh", "it", "zh"]})], draws=50)
    scores = {"ours": grouped, "other": score_sets([a_set()], draws=5)}
    header, row = group_matrix(scores, "language")
    assert header == ["System", "it", "zh"] and row[0] == "ours" and row[1].startswith("50.0 [")
    rows = group_rows(scores, "language")
    assert [row[:2] + row[5:8] for row in rows] == [
        ["System", "language", "n", "classes", "invalid"], ["ours", "it", "2", "2", "0"], ["ours", "zh", "2", "2", "0"]
    ]  # fmt: skip
    assert rows[0][2:5] == ["UA %", "WA %", "macro-F1 %"] and rows[1][2].startswith("50.0 [")
    assert rows[0][-1] == "UA % among these classes" and rows[1][-1] == "–"
    assert group_matrix(scores, "corpus") == group_rows(scores, "corpus") == []
    earlier = {name: value for name, value in grouped.items() if name != "groups"}
    assert group_rows({"ours": earlier}, "language") == []


def test_the_score_command_prints_groups(one_set, tmp_path, capsys):
    data, decode = one_set
    write_table(data / "utt2corpus", {f"m1_{i}": ("a", "b")[i % 2] for i in range(6)})
    score.main([str(data), str(decode), "--draws", "20", "--out", str(tmp_path / "score.json")])
    lines = capsys.readouterr().out.splitlines()
    assert "corpus" in lines[6] and [line.split()[1] for line in lines[8:]] == ["a", "b"]


@pytest.mark.parametrize("missing", ["invalid", "skip"])
def test_decodings_and_answers_bring_groups(one_set, tmp_path, missing):
    data, decode = one_set
    languages = {f"m1_{i}": ("zh", "it")[i % 2] for i in range(6)}
    write_table(data / "utt2lang", languages)
    assert read_set(data, decode).groups == {"language": list(languages.values())}
    (tmp_path / "answers.txt").write_text("m1_1\tsad\nm1_2\tangry\n", encoding="utf-8")
    found = read_answer_set(data, tmp_path / "answers.txt", missing)[0]
    assert found.groups["language"] == [languages[utterance] for utterance in found.utterances]

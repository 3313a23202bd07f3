import json

import pytest

from c2ser.errors import InputError
from c2ser.evaluation import results
from c2ser.evaluation.predictions import PredictedSet, read_set
from c2ser.evaluation.scoring import score_sets


def score_of(data_dir, reference, predicted, **more):
    utterances = [f"{data_dir}{i}" for i in range(len(reference))]
    one = PredictedSet(data_dir, f"exp/{data_dir}", utterances, reference, predicted, ["a"] * len(reference), **more)
    return score_sets([one], draws=50)


def test_format_table_aligns_columns():
    rows = [["System", "n", "UA %"], ["ours", "90", "61.1"], ["言语", "7", "8.0"]]
    assert results.format_table(rows).splitlines() == [
        "System   n  UA %",
        "----------------",
        "ours    90  61.1",
        "言语     7   8.0",
    ]
    assert results.format_table([]) == ""


def test_markdown_table_and_its_escapes():
    rows = [["System", "n"], ["a|b", "1"]]
    assert results.markdown_table(rows) == "| System | n |\n|:--|--:|\n| a\\|b | 1 |"
    assert results.markdown_text("two\nlines, *stars*, <tags>") == "two lines, \\*stars\\*, \\<tags>"


def test_score_rows_name_systems_then_chance_and_majority():
    score = score_of("data/x", ["sad"] * 3 + ["angry"], ["sad"] * 3 + ["happy"])
    header, system, chance, majority = results.score_rows({"ours": score})
    assert header == ["System", "UA %", "WA %", "macro-F1 %", "n", "invalid"]
    assert [system[0], *system[4:]] == ["ours", "4", "0"]
    assert system[1].startswith("50.0 [") and system[2].startswith("75.0 [")
    assert chance[0] == "Chance (1 of 2 classes)" and chance[1:3] == ["50.0", "50.0"]
    assert majority[0] == "Always sad" and majority[1:4] == ["50.0", "75.0", "42.9"]  # F1 6/7 and 0


def test_baselines_stand_once_for_each_test_set():
    sets = {name: score_of(f"data/{name[0]}", ["sad", "angry"], ["sad", "sad"]) for name in ("x1", "x2", "y1")}
    names = [row[0] for row in results.score_rows(sets)[4:]]
    baselines = ("Chance (1 of 2 classes)", "Always angry")
    assert names == [f"{baseline}, {data}" for data in ("data/x", "data/y") for baseline in baselines]


def test_recall_rows_put_a_dash_for_absent_classes():
    scores = {
        "a": score_of("data/a", ["sad", "angry"], ["sad", "happy"]),
        "b": score_of("data/b", ["calm", "angry"], ["calm", "angry"]),
    }
    assert results.recall_rows(scores) == [
        ["System", "angry", "sad", "calm"],
        ["a", "0.0", "100.0", "–"],
        ["b", "100.0", "–", "100.0"],
    ]


def test_fold_rows_end_with_the_mean(folds):
    score = score_sets([read_set(*pair, "utt2scored") for pair in zip(*folds)], "utt2scored", draws=50)
    rows = results.fold_rows({"ours": score, "single": score_of("data/x", ["sad"], ["sad"])})
    assert len(rows) == 5
    assert rows[1][1:3] == [str(folds[0][0]), "83.3"] and rows[1][5:] == ["6", "0"]
    assert rows[4][:3] == ["ours", "mean of 3", "83.3 [83.3, 83.3]"] and rows[4][5:] == ["18", "0"]
    assert results.fold_rows({"single": score_of("data/x", ["sad"], ["sad"])}) == []


def test_cost_rows_merge_systems_of_one_decoding():
    decode = {"mode": "implicit", "tokens_per_utterance": 5.25, "seconds_per_utterance": 0.1234}
    score = score_of("data/x", ["sad"], ["sad"], decode=decode)
    rows = results.cost_rows({"text": score, "scoring": score})
    assert rows[1:] == [["text, scoring", "implicit", "1", "5.25", "0.123"]]
    assert results.cost_rows({"probe": score_of("data/x", ["sad"], ["sad"])}) == []


def test_cost_rows_show_speed_and_memory_where_they_were_measured():
    decode = {"mode": "implicit", "seconds_per_utterance": 0.5, "audio_seconds_per_utterance": 2.0, "device": "cuda",
              "peak_memory_bytes": 1.5e9, "peak_gpu_memory_bytes": 20e9}  # fmt: skip
    scores = {"old": score_of("data/x", ["sad"], ["sad"], decode={"mode": "implicit", "seconds_per_utterance": 0.7}),
              "new": score_of("data/y", ["sad"], ["sad"], decode=decode)}  # fmt: skip
    header, old, new = results.cost_rows(scores)
    assert header[3:] == ["seconds / utterance", "real-time factor", "peak memory, GB", "peak GPU memory, GB", "device"]
    assert old[3:] == ["0.7", "–", "–", "–", "–"] and new[3:] == ["0.5", "0.25", "1.5", "20", "cuda"]


def test_systems_are_ranked_on_the_same_test_sets_only():
    right, half = ((["sad", "angry"], answers) for answers in (["sad", "angry"], ["sad", "sad"]))
    scores = {name: score_of(f"data/{name[0]}", *pair) for name, pair in
              (("x1", half), ("y1", half), ("x2", right), ("y2", right), ("x3", right))}  # fmt: skip
    assert list(results.ranked(scores)) == ["x2", "x3", "x1", "y2", "y1"]
    charts = results.chart(scores)
    assert [chart["sets"] for chart in charts] == ["data/x", "data/y"] and charts[0]["chance"] == 50
    assert [bar[:2] for bar in charts[0]["bars"]] == [("x2", 100), ("x3", 100), ("x1", 50)]
    assert all(low <= value <= high for chart in charts for _, value, low, high in chart["bars"])


def test_detail_rows_say_what_was_resampled():
    row = results.detail_rows({"ours": score_of("data/x", ["sad"], ["sad"])})[1]
    assert row == ["ours", "100.0", "–", "1", "utterance (only 1 speaker)", "50"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), ("{", "not JSON"), ("[]", "expected a JSON object"), ('{"n": 1}', "lacks invalid, labels")],
)
def test_read_score_refuses(tmp_path, content, message):
    path = tmp_path / "score.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        results.read_score(path)


def test_read_score_gives_back_what_was_written(tmp_path):
    score = score_of("data/x", ["sad"], ["sad"])
    (tmp_path / "score.json").write_text(json.dumps(score), encoding="utf-8")
    assert results.read_score(tmp_path / "score.json") == score

"""Answers to questions of style: accuracy, the constant answer and the confusion matrix, by hand; and in the report."""

import pytest

from c2ser.datadir import DataDir, write_table
from c2ser.bin.stability import questions
from c2ser.errors import InputError
from c2ser.evaluation.questions import score_questions, score_words
from c2ser.evaluation.stability_tables import tables

STYLES = {
    "a": {"speed": "low", "pitch": "high"}, "b": {"speed": "low", "pitch": "unknown"}, "c": {"speed": "high", "pitch": "high"},
    "d": {"speed": "medium", "pitch": "low"},
}  # fmt: skip
ASKED = {
    "a": {"speed": "low", "lively": "mixed"}, "b": {"speed": "high", "lively": "high"}, "c": {"speed": "high", "lively": "high"},
    "d": {"speed": "low", "lively": "low"},
}  # fmt: skip


def test_by_hand():
    found = score_questions(ASKED, STYLES)
    assert set(found) == {"speed", "lively"}  # pitch was not asked
    speed = found["speed"]
    assert (speed["n"], speed["right"], speed["accuracy"]) == (4, 2, 0.5)
    assert speed["ua"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert (speed["majority"], speed["majority_accuracy"]) == ("low", 0.5)
    assert speed["confusion"] == {
        "low": {"low": 1, "medium": 0, "high": 1}, "medium": {"low": 1, "medium": 0, "high": 0},
        "high": {"low": 0, "medium": 0, "high": 1},
    }  # fmt: skip
    # lively: a mixed, b low (of speed alone), c high, d low
    assert found["lively"]["ua"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert found["lively"]["accuracy"] == 3 / 4 and found["lively"]["confusion"]["low"] == {"low": 1, "medium": 0, "high": 1, "mixed": 0}


def test_what_is_known_of_nobody_is_left_out():
    assert score_questions({"a": {"pauses": "low"}}, STYLES) == {}
    assert score_questions({"b": {"pitch": "low"}, "d": {"pitch": "low"}}, STYLES)["pitch"]["n"] == 1


def test_words_by_hand():
    found = score_words({"a": "come here", "b": "go", "c": ""}, {"a": "Come here!", "b": "No.", "c": "..."})
    assert found["utterances"] == 2 and found["exact"] == 0.5 and found["cer"] == pytest.approx(1 / 10)  # of "comehere" and "no"


def test_from_decodings_to_tables(tmp_path):
    data = DataDir(tmp_path / "data")
    data.write_speakers(dict.fromkeys(STYLES, "s"))
    data.write("utt2style", {one: f"speed={style['speed']} pitch={style['pitch']}" for one, style in STYLES.items()})
    data.write("text", dict.fromkeys(STYLES, "no"))
    out = tmp_path / "out"
    assert questions([data.path], [out]) == {"style": {}, "words": None}
    write_table(out / "utt2asked", {one: f"speed={said['speed']} lively={said['lively']}" for one, said in ASKED.items()})
    write_table(out / "asked_words", dict.fromkeys(STYLES, "no"))
    found = questions([data.path], [out])
    assert found["style"] == score_questions(ASKED, STYLES) and found["words"]["exact"] == 1
    report = {"decodings": {}, "modes": {}, "prompts": {}, "rationales": {"style": None, "quote": None}}
    assert tables(report) == {}  # one of an earlier version
    shown = tables({**report, "questions": found})
    assert shown["Style levels asked for"][1] == ["speed", "4", "2", "50.0", "50.0", "low", "50.0"]
    assert shown["Style levels asked for, answer by answer"][1] == ["speed", "low", "low 1, medium 0, high 1"]
    assert shown["Words asked for"][1][0] == "4"
    write_table(out / "utt2asked", {"a": "speed=low"})
    with pytest.raises(InputError, match="utt2asked: no entry for 3 utterances"):
        questions([data.path], [out])

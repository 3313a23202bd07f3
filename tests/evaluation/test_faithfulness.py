"""Means over speakers by hand; whom answers follow where words and voice disagree."""

import json
import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from c2ser.bin import conflict
from c2ser.datadir import DataDir, read_table, write_table
from c2ser.errors import InputError
from c2ser.evaluation.conflict import follow
from c2ser.evaluation.faithfulness import changes, mean_over_speakers, shown, summarise


def test_changes_by_hand():
    before, after = {"angry": 0.5, "sad": 0.3, "happy": 0.2}, {"angry": 0.2, "sad": 0.3, "happy": 0.5}
    assert changes(before, after) == pytest.approx({"moved": 0.3, "drop": 0.3, "other": 1})
    assert changes(before, before) == {"moved": 0, "drop": 0, "other": 0}
    assert changes(before, {"angry": 0.6, "sad": 0.2, "happy": 0.2})["drop"] == pytest.approx(-0.1)


def test_of_speakers_who_say_equally_much_it_is_students_interval():
    """The jackknife of a mean of equal groups is the t interval over the groups' means."""
    random = np.random.default_rng(0)
    values = random.uniform(-1, 1, (5, 8))
    wanted = ttest_1samp(values.mean(1), 0).confidence_interval(0.95)
    made = mean_over_speakers(values.ravel(), np.repeat(list("abcde"), 8))
    assert made.value == pytest.approx(values.mean()) and (made.low, made.high) == pytest.approx((wanted.low, wanted.high))


def test_speakers_who_say_unequally_much_by_brute_force():
    values, speakers = [1.0, 0.0, 0.5, 0.25, 0.0, 1.0, 1.0], list("aabbbcc")
    without = [np.mean([v for v, s in zip(values, speakers) if s != left]) for left in "abc"]
    error = math.sqrt(2 / 3 * sum((one - np.mean(without)) ** 2 for one in without))
    made = mean_over_speakers(values, speakers)
    from scipy.stats import t

    freedom = 49 / 17 - 1  # (Σn)² / Σn² speakers
    assert made.value == pytest.approx(np.mean(values))
    assert made.high == pytest.approx(min(1, np.mean(values) + t.ppf(0.975, freedom) * error))


def test_too_few_speakers_have_no_interval():
    made = mean_over_speakers([0.5, 0.25], ["a", "b"])
    assert (made.value, made.low, made.high) == (0.375, None, None)
    assert shown({"value": 0.375, "low": None}) == "0.375" and shown({"value": 0.5, "low": 0.25, "high": 1}, 100, 1) == "50.0 [25.0, 100.0]"
    for wrong in ([], [2.0]):
        with pytest.raises(InputError, match="mean of|within"):
            mean_over_speakers(wrong, ["a"] * len(wrong))
    rows = {"u1": {"moved": 0.5}, "u2": {"moved": 0.0}}
    assert summarise(rows, {"u1": "a", "u2": "b"})["moved"]["value"] == 0.25
    assert summarise(rows, {"u1": "a", "u2": "b"})["n"] == 2


WORDS = {"a1": "happy", "a2": "sad", "b1": "happy", "b2": "angry", "c1": "sad", "c2": "happy", "c3": "sad"}
VOICE = {"a1": "angry", "a2": "happy", "b1": "happy", "b2": "sad", "c1": "angry", "c2": "sad", "c3": "sad"}
SAID = {"a1": "angry", "a2": "sad", "b1": "happy", "b2": "sad", "c1": "fearful", "c2": "<invalid>", "c3": "angry"}


def test_whom_answers_follow_by_hand():
    found = follow(WORDS, VOICE, SAID, {one: one[0] for one in WORDS})
    assert (found["n"], found["counts"]) == (5, {"voice": 2, "words": 1, "neither": 2})
    assert {side: one["value"] for side, one in found["shares"].items()} == pytest.approx({"voice": 0.4, "words": 0.2, "neither": 0.4})
    assert found["pairs"]["happy / angry"] == {"voice": 1, "words": 0, "neither": 0}
    assert (found["agreeing"], found["agreeing_right"]) == (2, 1)
    with pytest.raises(InputError, match="of 7 utterances in both tables none has different classes"):
        follow(WORDS, WORDS, SAID, dict.fromkeys(WORDS, "a"))


def test_the_command(tmp_path, capsys):
    data = DataDir(tmp_path / "data")
    data.write_speakers({one: one[0] for one in [*WORDS, "d1"]})
    for name, table in (("words", {**WORDS, "d1": "unknown"}), ("voice", {**VOICE, "d1": "sad"}), ("out/utt2pred", {**SAID, "d1": "sad"})):
        write_table(tmp_path / name, table)
    options = ["--data_dir", data.path, "--words", tmp_path / "words", "--voice", tmp_path / "voice", "--decode_dir", tmp_path / "out"]
    conflict.main([str(word) for word in [*options, "--out", tmp_path / "conflict.json"]])
    written = json.loads((tmp_path / "conflict.json").read_text())
    assert written["counts"] == {"voice": 2, "words": 1, "neither": 2} and written["shares"]["voice"]["unit"] == "speaker"
    assert "voice" in capsys.readouterr().out
    data.write_speakers({one: "s" for one in data.utterances()})  # one speaker: no interval
    conflict.main([str(word) for word in [*options, "--out", tmp_path / "conflict.json"]])
    assert json.loads((tmp_path / "conflict.json").read_text())["shares"]["voice"] == {
        "value": 0.4, "low": None, "high": None, "draws": 0, "unit": "speaker (only 1)"
    }  # fmt: skip
    write_table(tmp_path / "words", {**read_table(tmp_path / "words"), "a1": "joyous"})
    with pytest.raises(InputError, match="words: 1 of .* unknown label, first: a1 joyous"):
        conflict.main([str(word) for word in [*options, "--out", tmp_path / "conflict.json"]])

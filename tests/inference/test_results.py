"""The folder that every baseline leaves."""

import json

import pytest

from c2ser.inference.results import TABLES, most_probable, write_results
from c2ser.datadir import read_table
from c2ser.evaluation.predictions import read_posteriors


def test_tables_are_those_that_scoring_reads(tmp_path):
    posteriors = {"b": [0.25, 0.75], "a": (2 / 3, 1 / 3)}
    tables = {"utt2pred": {"b": "sad", "a": "happy"}, "posteriors": posteriors}
    write_results(tmp_path / "out", ["happy", "sad"], tables, {"mode": "m"}, {"b": "no words", "a": "too long"})
    labels, rows = read_posteriors(tmp_path / "out")
    assert labels == ["happy", "sad"] and list(rows) == ["a", "b"]
    assert rows["a"].tolist() == pytest.approx(posteriors["a"], abs=1e-6) and rows["b"].tolist() == [0.25, 0.75]
    assert (tmp_path / "out/excluded").read_text() == "a\ttoo long\nb\tno words\n"
    assert json.loads((tmp_path / "out/decode.json").read_text()) == {"mode": "m"}


def test_what_an_earlier_run_left_is_gone(tmp_path):
    write_results(tmp_path, ["sad"], {name: {"a": [1.0]} for name in TABLES}, {}, {})
    assert {path.name for path in tmp_path.iterdir()} == {*TABLES, "labels", "excluded", "decode.json"}
    write_results(tmp_path, ["sad"], {"utt2pred": {"a": "sad"}}, {})
    assert {path.name for path in tmp_path.iterdir()} == {"utt2pred", "decode.json"}
    assert read_table(tmp_path / "utt2pred") == {"a": "sad"}
    with pytest.raises(ValueError, match="unknown tables: utt2prad"):
        write_results(tmp_path, ["sad"], {"utt2prad": {}}, {})


def test_of_equal_probabilities_the_first_counts():
    assert most_probable(["happy", "sad"], {"a": [0.5, 0.5], "b": (0.4, 0.6)}) == {"a": "happy", "b": "sad"}

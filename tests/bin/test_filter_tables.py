"""Copying tables into a data directory."""

import pytest

from c2ser.bin import filter_tables
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError


def test_entries_of_the_utterances_are_copied(tmp_path):
    write_table(tmp_path / "data/utt2spk", {"a": "s", "c": "s"})
    write_table(tmp_path / "utt2f0", {"a": 1.5, "b": 2, "c": 3})
    write_table(tmp_path / "utt2rate", {"a": 7, "c": 8})
    argv = ["--data_dir", tmp_path / "data", tmp_path / "utt2f0", tmp_path / "utt2rate"]
    filter_tables.main([str(word) for word in argv])
    assert read_table(tmp_path / "data/utt2f0") == {"a": "1.5", "c": "3"}
    assert read_table(tmp_path / "data/utt2rate") == {"a": "7", "c": "8"}


def test_a_missing_entry_is_named(tmp_path):
    write_table(tmp_path / "data/utt2spk", {"a": "s", "c": "s"})
    write_table(tmp_path / "utt2f0", {"a": 1})
    with pytest.raises(InputError, match=r"utt2f0: no entry for 1 utterances \(c\)"):
        filter_tables.main(["--data_dir", str(tmp_path / "data"), str(tmp_path / "utt2f0")])
    assert not (tmp_path / "data/utt2f0").exists()

"""Joining what parallel jobs wrote."""

import pytest

from c2ser.bin import collect_parts
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError


@pytest.fixture
def data(tmp_path):
    write_table(tmp_path / "data/utt2spk", {"a": "s", "b": "s", "c": "s"})
    write_table(tmp_path / "dump/audio.1.scp", {"a": "x:1", "c": "x:3"})
    write_table(tmp_path / "dump/audio.2.scp", {"b": "y:1"})
    return tmp_path


def run(root, *more):
    table = ["--table", f"{root}/dump/audio.*.scp", f"{root}/dump/wav.scp"]
    collect_parts.main(["--data_dir", str(root / "data"), *map(str, more), *table])
    return read_table(root / "dump/wav.scp")


def test_parts_become_one_sorted_table(data):
    assert list(run(data).items()) == [("a", "x:1"), ("b", "y:1"), ("c", "x:3")]


def test_several_tables_and_relative_patterns(data, monkeypatch):
    for part, table in ((1, {"a": 10, "b": 20}), (2, {"c": 30})):
        write_table(data / f"prosody/{part}/utt2f0", table)
    monkeypatch.chdir(data)
    second = ["--table", "prosody/*/utt2f0", "prosody/utt2f0"]
    assert len(run(data, *second)) == 3
    assert read_table("prosody/utt2f0") == {"a": "10", "b": "20", "c": "30"}


def test_left_out_utterances_need_no_entry(data):
    (data / "dump/audio.2.scp").unlink()
    (data / "excluded").write_text("b cannot be read\n\n")
    assert list(run(data, "--excluded", data / "excluded")) == ["a", "c"]


def lose_a_part(root):
    (root / "dump/audio.2.scp").unlink()


def lose_all_parts(root):
    (root / "dump/audio.1.scp").unlink()
    lose_a_part(root)


def add_a_stranger(root):
    write_table(root / "dump/audio.3.scp", {"z": "y:2"})


def add_one_twice(root):
    write_table(root / "dump/audio.3.scp", {"a": "y:2"})


FAULTS = {
    lose_a_part: r"1 utterances of .*data have no entry \(b\), 0 are not of it; rerun",
    add_a_stranger: "0 utterances of .*, 1 are not of it; rerun the stage",
    add_one_twice: "audio.3.scp: a stands in another part too; remove",
    lose_all_parts: r"audio.\*.scp: no such files; the jobs have written nothing",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_and_nothing_is_written(data, fault):
    fault(data)
    with pytest.raises(InputError, match=FAULTS[fault]):
        run(data)
    assert not (data / "dump/wav.scp").exists()

"""Reading and writing tables, and the directory object."""

import pytest

from c2ser.datadir.datadir import DataDir, invert
from c2ser.datadir.tables import read_table, write_table
from c2ser.errors import InputError


def test_a_table_is_written_in_byte_order_and_read_back(tmp_path):
    table = {"b": "2", "a_1": "under", "a-1": "dash", "李": "x y", "B": "3", "é": ""}
    write_table(tmp_path / "text", table)
    assert (tmp_path / "text").read_bytes().decode() == "B 3\na-1 dash\na_1 under\nb 2\né\n李 x y\n"
    assert read_table(tmp_path / "text", empty_ok=True) == table


@pytest.mark.parametrize(
    "content, words",
    [
        (b"\xef\xbb\xbfa 1\n", ":1: .*byte order mark"),
        (b"a 1\r\n", ":1: carriage return"),
        (b"a 1\nb \xff\n", ":2: not UTF-8"),
        (b"a 1\n\n", ":2: blank line"),
        (b"a 1\nb\n", ":2: b has no value"),
        (b"a 1\na 1\n", ":2: duplicate id a"),
        (b"b 1\na 1\n", ":2: a stands after b"),
    ],
)
def test_damage_names_file_and_line(tmp_path, content, words):
    (tmp_path / "utt2spk").write_bytes(content)
    with pytest.raises(InputError, match=f"utt2spk{words}"):
        read_table(tmp_path / "utt2spk")


def test_a_failed_write_leaves_the_old_table(tmp_path):
    write_table(tmp_path / "text", {"a": "1"})
    said = iter("2")
    with pytest.raises(StopIteration):  # at the second line, when it is written
        write_table(tmp_path / "text", {"a": "3", "b": type("Once", (), {"__str__": lambda self: next(said)})()})
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
    assert read_table(tmp_path / "text") == {"a": "1"}


def test_directory_object(segmented):
    assert segmented.utterances() == ["ann-1", "ann-2", "ann-3", "李雷-1", "李雷-2"]
    assert segmented.segments()["ann-3"] == ("ann-rec", 2.0, 3.0)
    assert segmented.read("cot_explicit", optional=True) == {}
    with pytest.raises(InputError, match="cot_explicit: no such file"):
        segmented.read("cot_explicit")
    (segmented.path / "segments").write_text("ann-1 ann-rec 0\n")
    with pytest.raises(InputError, match="segments:1: ann-1"):
        segmented.segments()
    (segmented.path / "utt2spk").write_text("")
    with pytest.raises(InputError, match="no utterances"):
        DataDir(segmented.path).utterances()


def test_invert():
    assert invert({"b-2": "b", "a-1": "a", "b-1": "b"}) == {"a": "a-1", "b": "b-1 b-2"}


@pytest.mark.parametrize(
    "key, value",
    [("a b", ""), ("", "x"), ("a", "x\ny"), ("a", "x\ty"), ("a", "\0"), ("a\ud800", "x"), ("a", "\udcff"), ("\ufeffa", "x")],
)
def test_what_would_not_be_read_back_is_not_written(tmp_path, key, value):
    """A blank in an id, a line end in an answer, a file name whose bytes are no UTF-8: told with the table and the id."""
    write_table(tmp_path / "t", {"z": 1})
    with pytest.raises(InputError, match=f"^{tmp_path}/t: .*cannot stand in a table") as caught:
        write_table(tmp_path / "t", {"b": 1, key: value})
    assert repr(key) in str(caught.value) and (tmp_path / "t").read_text() == "z 1\n"

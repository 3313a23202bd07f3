"""The journal of finished work."""

from c2ser.journal import Journal, digest, stamps


def test_what_was_added_is_there_again(tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        assert journal.done == {}
        journal.add({"key": "a", "text": "情绪：快乐。"})
        assert path.read_text(encoding="utf-8").endswith('快乐。"}\n'), (
            "it must be on disk before the journal is closed"
        )
        journal.add({"key": "b", "text": None})
    with Journal(path) as journal:
        assert journal.done == {"a": {"key": "a", "text": "情绪：快乐。"}, "b": {"key": "b", "text": None}}


def test_a_line_cut_short_is_removed(tmp_path):
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.add({"key": "a", "text": "one"})
    whole = path.read_bytes()
    with open(path, "ab") as stream:
        stream.write('{"key": "b", "text": "快'.encode()[:-1])
    with Journal(path) as journal:
        assert list(journal.done) == ["a"]
        journal.add({"key": "b", "text": "two"})
    assert path.read_bytes().startswith(whole)
    with Journal(path) as journal:
        assert {key: entry["text"] for key, entry in journal.done.items()} == {"a": "one", "b": "two"}


def test_lines_of_others_are_passed_over(tmp_path):
    path = tmp_path / "journal"
    path.write_text('no JSON\n{"text": "without a key"}\n[1]\n{"key": "a"}\n')
    with Journal(path) as journal:
        assert list(journal.done) == ["a"]


def test_nothing_is_written_before_there_is_something(tmp_path):
    with Journal(tmp_path / "new/journal") as journal:
        assert journal.made() == {}
    assert not (tmp_path / "new").exists()


def test_what_was_made_of_something_else_does_not_count(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, {"model": 1}) as journal:
        journal.keep({"a": [1, 0.1], "b": None}, seconds=2.5)
        journal.keep({"c": "情绪"})
    with Journal(path, {"model": 1}) as journal:
        assert journal.made() == {"a": [1, 0.1], "b": None, "c": "情绪"} and journal.done["a"]["seconds"] == 2.5
    with Journal(path, {"model": 2}) as journal:
        assert journal.made() == {}
        journal.keep({"d": 4})
    with Journal(path, {"model": 2}) as journal:
        assert journal.made() == {"d": 4}
        journal.remove()
    assert not path.exists()


def test_of_a_batch_all_is_kept_or_nothing(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, "x") as journal:
        journal.keep({"a": 1, "b": 2})
        journal.keep({"c": 3, "d": 4})
    path.write_bytes(path.read_bytes()[:-3])
    with Journal(path, "x") as journal:
        assert journal.made() == {"a": 1, "b": 2}


def test_stamps_tell_a_changed_file(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_text("one")
    (tmp_path / "b").write_text("two")
    before = stamps(tmp_path / "folder", None, tmp_path / "b")
    assert [entry[:2] for entry in before] == [[str(tmp_path / "folder/a"), 3], [str(tmp_path / "b"), 3]]
    (tmp_path / "folder/a").write_text("four")
    assert stamps(tmp_path / "folder", None, tmp_path / "b") != before
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})

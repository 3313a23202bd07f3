"""The journal of finished work."""

from c2ser.cot.journal import Journal


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

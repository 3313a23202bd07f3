"""utt2votes: its values, and that every operation carries what it says of the utterances that stay."""

import pytest

from c2ser.corpora.prepared import with_prefix
from c2ser.datadir.datadir import DataDir
from c2ser.datadir.fix import fix
from c2ser.datadir.operations import combine, copy, split, subset, unknown_files
from c2ser.datadir.validate import find_faults
from c2ser.datadir.votes import parse_votes
from c2ser.errors import InputError

VOTES = {"ann-1": "angry:2 sad:1", "ann-3": "calm:0.5 happy:0", "李雷-1": "happy:3"}


@pytest.fixture
def voted(good):
    """A sound directory where three of five utterances have votes."""
    good.write("utt2votes", VOTES)
    return good


def kept(path):
    return DataDir(path).read("utt2votes")


def test_values():
    assert parse_votes("angry:2 sad:1.5 happy:0") == {"angry": 2, "sad": 1.5}
    assert parse_votes("calm:1e-1") == {"calm": 0.1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("angry", "is not `class:votes"),
        ("angry:two", "is not `class:votes"),
        (":2", "is not `class:votes"),
        ("angry:-1 sad:3", "is not `class:votes"),
        ("angry:inf", "is not `class:votes"),
        ("angry:0", "some vote above 0"),
        ("", "is not `class:votes"),
        ("angry:2 Sad:1", "an unknown label, 'Sad'"),
        ("angry:2 angry:1", "a class stands twice"),
    ],
)
def test_wrong_values(value, message):
    with pytest.raises(InputError, match=message):
        parse_votes(value)


def test_votes_of_some_are_no_fault(voted):
    assert find_faults(voted.path) == [] and unknown_files(voted.path) == [] and "utt2votes" in voted.tables()


def test_faults_name_the_line(voted):
    voted.write("utt2votes", {**VOTES, "ann-2": "joyous:1", "bob-1": "sad:1"})
    found = [(fault.kind, fault.line) for fault in find_faults(voted.path)]
    assert found == [("votes", 2), ("extra-id", 4)]


def test_subset_split_and_copy(voted, tmp_path):
    (tmp_path / "list").write_text("ann-1\nann-2\n", encoding="utf-8")
    subset(voted.path, tmp_path / "small", utt_list=tmp_path / "list")
    assert kept(tmp_path / "small") == {"ann-1": "angry:2 sad:1"}
    (tmp_path / "list").write_text("ann-2\n", encoding="utf-8")
    subset(voted.path, tmp_path / "small", utt_list=tmp_path / "list")
    assert not DataDir(tmp_path / "small").has("utt2votes")
    first, second = split(voted.path, 2)
    assert kept(first) | kept(second) == VOTES and not kept(first).keys() & kept(second).keys()
    copy(voted.path, tmp_path / "copy", utt_prefix="x-", spk_prefix="x-")
    assert kept(tmp_path / "copy") == {f"x-{key}": value for key, value in VOTES.items()}


def test_combine_keeps_what_one_source_has(voted, make, tmp_path):
    more = make(tmp_path / "more", tmp_path / "audio", {"bob": ["bob-1"]})
    assert combine(tmp_path / "both", [voted.path, more.path]) == {}
    assert kept(tmp_path / "both") == VOTES and find_faults(tmp_path / "both") == []
    more.write("utt2votes", {"bob-1": "sad:1"})
    combine(tmp_path / "both", [more.path, voted.path])
    assert kept(tmp_path / "both") == {**VOTES, "bob-1": "sad:1"}


def test_joint_corpora_rename_votes():
    assert with_prefix({"utt2spk": {"a": "s"}, "utt2votes": {"a": "sad:1"}}, "c_")["utt2votes"] == {"c_a": "sad:1"}


def test_fix_leaves_utterances_without_votes_in(voted):
    voted.write("utt2votes", {**VOTES, "zoe-1": "sad:1"})
    mended = fix(voted.path)
    assert mended.kept == 5 and mended.removed == {"zoe-1": "in utt2votes, but used by no utterance"}
    assert kept(voted.path) == VOTES and find_faults(voted.path) == []

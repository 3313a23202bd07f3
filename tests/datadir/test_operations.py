"""Subset, combine, copy and split keep every table consistent and refuse what would lose or mix data."""

import random

import pytest

from c2ser.datadir.datadir import DataDir
from c2ser.datadir.operations import _cut, combine, copy, split, subset, unknown_files
from c2ser.datadir.validate import find_faults
from c2ser.errors import InputError


def write_list(path, *names):
    path.write_text("".join(f"{name} more words\n" for name in names), encoding="utf-8")
    return path


def test_subset_by_utterances(good, tmp_path):
    small = tmp_path / "small"
    subset(good.path, small, utt_list=write_list(tmp_path / "list", "李雷-2", "ann-2"))
    assert find_faults(small, check_audio=True) == []
    assert DataDir(small).utterances() == ["ann-2", "李雷-2"]
    assert DataDir(small).tables() == good.tables()
    assert DataDir(small).read("reco2channel") == {"ann-2": "mean"}
    assert DataDir(small).read("text")["ann-2"] == "stop tak ann-2"


def test_subset_by_speakers(good, tmp_path):
    subset(good.path, tmp_path / "small", spk_list=write_list(tmp_path / "list", "李雷"))
    assert DataDir(tmp_path / "small").utterances() == ["李雷-1", "李雷-2"]
    assert DataDir(tmp_path / "small").read("spk2gender") == {"李雷": "f"}


def test_subset_of_segments_keeps_the_recordings_used(segmented, tmp_path):
    subset(segmented.path, tmp_path / "small", first=2)
    assert find_faults(tmp_path / "small", check_audio=True) == []
    assert DataDir(tmp_path / "small").segments() == {"ann-1": ("ann-rec", 0.0, 1.0), "ann-2": ("ann-rec", 1.0, 2.0)}
    assert list(DataDir(tmp_path / "small").read("reco2channel")) == ["ann-rec"]


def test_subset_per_class(make, tmp_path):
    many = make(tmp_path / "many", tmp_path / "audio", {"s": [f"s-{number}" for number in range(1, 10)]})
    drawn = []
    for seed in (0, 0, 1, 2):
        subset(many.path, tmp_path / "small", per_class=2, seed=seed)
        labels = list(DataDir(tmp_path / "small").read("utt2emo").values())
        assert sorted(labels) == ["angry", "angry", "happy", "happy", "neutral", "neutral"]
        drawn.append(DataDir(tmp_path / "small").utterances())
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2] or drawn[0] != drawn[3]
    with pytest.raises(InputError, match="class angry has 3 utterances; 4 cannot be drawn"):
        subset(many.path, tmp_path / "small", per_class=4)


@pytest.mark.parametrize(
    "choice, words",
    [
        ({"first": 6}, "holds 5 utterances"),
        ({"first": 0}, "holds 5 utterances"),
        ({}, "say what to take"),
    ],
)
def test_subset_refuses(good, tmp_path, choice, words):
    with pytest.raises(InputError, match=words):
        subset(good.path, tmp_path / "small", **choice)
    assert not (tmp_path / "small").exists()


def test_subset_names_the_unknown_id(good, tmp_path):
    with pytest.raises(InputError, match=r"list:2: ann-9 is not in .*utt2spk"):
        subset(good.path, tmp_path / "small", utt_list=write_list(tmp_path / "list", "ann-1", "ann-9"))
    with pytest.raises(InputError, match="the list is empty"):
        subset(good.path, tmp_path / "small", utt_list=write_list(tmp_path / "list"))


def test_an_earlier_result_is_replaced_whole(good, segmented, tmp_path):
    subset(segmented.path, tmp_path / "small", first=1)
    (tmp_path / "small" / ".done.prepare").write_text("key")
    flat = tmp_path / "flat"
    copy(segmented.path, flat)
    for table in ("segments", "reco2channel"):
        (flat / table).unlink()
    DataDir(flat).write("wav.scp", dict.fromkeys(DataDir(flat).utterances(), "a.wav"))
    subset(flat, tmp_path / "small", first=3)
    assert not DataDir(tmp_path / "small").has("segments")
    assert (tmp_path / "small" / ".done.prepare").read_text() == "key"
    assert find_faults(tmp_path / "small") == []


def test_source_must_be_valid_and_another_directory(good, tmp_path):
    with pytest.raises(InputError, match="both source and destination"):
        subset(good.path, good.path, first=1)
    (good.path / "utt2emo").write_text("ann-1 joyous\n")
    with pytest.raises(InputError, match="utt2emo:1: ann-1: unknown emotion"):
        copy(good.path, tmp_path / "small")
    assert not (tmp_path / "small").exists()


def test_copy_with_prefixes(good, tmp_path):
    copy(good.path, tmp_path / "copy", utt_prefix="x-", utt_suffix="-sp0.9", spk_prefix="x-")
    copied = DataDir(tmp_path / "copy")
    assert find_faults(copied.path, check_audio=True) == []
    assert copied.utterances()[0] == "x-ann-1-sp0.9"
    assert copied.read("utt2spk")["x-ann-1-sp0.9"] == "x-ann"
    assert copied.read("wav.scp")["x-ann-1-sp0.9"] == good.read("wav.scp")["ann-1"]
    assert copied.read("spk2gender") == {"x-ann": "f", "x-李雷": "f"}
    assert copied.read("reco2channel") == {"x-ann-1-sp0.9": "1", "x-ann-2-sp0.9": "mean"}


def test_copy_of_segments_keeps_the_recordings(segmented, tmp_path):
    copy(segmented.path, tmp_path / "copy", utt_prefix="x-", spk_prefix="x-")
    assert find_faults(tmp_path / "copy", check_audio=True) == []
    assert DataDir(tmp_path / "copy").segments()["x-ann-2"] == ("ann-rec", 1.0, 2.0)


def test_copy_refuses_ids_that_do_not_sort(good, tmp_path):
    with pytest.raises(InputError, match="x-ann-1 would not start with its speaker's id ann"):
        copy(good.path, tmp_path / "copy", utt_prefix="x-")
    with pytest.raises(InputError, match="no blanks"):
        copy(good.path, tmp_path / "copy", utt_prefix="x ", spk_prefix="x ")
    copy(good.path, tmp_path / "copy", utt_prefix="x-", spk_sort=False)
    assert find_faults(tmp_path / "copy", spk_sort=False) == []


def test_combine_undoes_subset(good, tmp_path):
    for number, speaker in enumerate(("ann", "李雷")):
        subset(good.path, tmp_path / str(number), spk_list=write_list(tmp_path / "list", speaker))
    assert combine(tmp_path / "all", [tmp_path / "1", tmp_path / "0"]) == {}
    for table in good.tables():
        assert (tmp_path / "all" / table).read_bytes() == (good.path / table).read_bytes()


def test_combine_refuses_clashing_ids(good, tmp_path):
    copy(good.path, tmp_path / "copy")
    with pytest.raises(InputError, match="5 utterances are in another of .*ann-1, ann-2"):
        combine(tmp_path / "all", [good.path, tmp_path / "copy"])
    with pytest.raises(InputError, match="named twice"):
        combine(tmp_path / "all", [good.path, good.path])
    assert not (tmp_path / "all").exists()


def test_combine_refuses_contradicting_speakers(good, make, tmp_path):
    more = make(tmp_path / "more", tmp_path / "audio", {"ann": ["ann-7"]})
    combine(tmp_path / "all", [good.path, more.path])
    assert DataDir(tmp_path / "all").read("spk2utt")["ann"] == "ann-1 ann-2 ann-3 ann-7"
    more.write("spk2gender", {"ann": "m"})
    with pytest.raises(InputError, match="ann is 'm' here and 'f' in another"):
        combine(tmp_path / "all", [good.path, more.path])


def test_combine_leaves_out_tables_that_a_source_lacks(good, make, tmp_path):
    more = make(tmp_path / "more", tmp_path / "audio", {"bob": ["bob-1"]})
    (more.path / "utt2style").unlink()
    (more.path / "spk2gender").unlink()
    assert combine(tmp_path / "all", [good.path, more.path]) == {"utt2style": [str(more.path)]}
    combined = DataDir(tmp_path / "all")
    assert not combined.has("utt2style") and "bob" not in combined.read("spk2gender")
    assert find_faults(combined.path, check_audio=True) == []


def test_combine_makes_segments_of_whole_recordings(segmented, make, tmp_path):
    more = make(tmp_path / "more", tmp_path / "audio", {"bob": ["bob-1"]})
    combine(tmp_path / "all", [segmented.path, more.path])
    assert DataDir(tmp_path / "all").segments()["bob-1"] == ("bob-1", 0.0, 1.0)
    assert find_faults(tmp_path / "all", check_audio=True) == []
    (more.path / "utt2dur").unlink()
    with pytest.raises(InputError, match="nor utt2dur"):
        combine(tmp_path / "all", [segmented.path, more.path])


def test_split_by_speaker(make, tmp_path):
    sizes = {"a": 4, "b": 3, "c": 5, "d": 1, "e": 2}
    speakers = {speaker: [f"{speaker}-{number}" for number in range(size)] for speaker, size in sizes.items()}
    data_dir = make(tmp_path / "data", tmp_path / "audio", speakers)
    parts = split(data_dir.path, 3)
    assert parts == [data_dir.path / "split3" / number for number in "123"]
    held = [set(DataDir(part).read("utt2spk").values()) for part in parts]
    assert held == [{"a"}, {"b", "c"}, {"d", "e"}] or held == [{"a", "b"}, {"c"}, {"d", "e"}]
    assert all(find_faults(part) == [] for part in parts)
    with pytest.raises(InputError, match="cannot be split into 6 parts: it has 5 speakers"):
        split(data_dir.path, 6)


def test_split_by_utterance_joins_to_the_whole(segmented):
    parts = split(segmented.path, 3, per_utt=True)
    assert parts[0].parent.name == "split3utt"
    assert sorted(len(DataDir(part).utterances()) for part in parts) == [1, 2, 2]
    for table in ("text", "segments", "utt2spk", "utt2emo"):
        assert b"".join((part / table).read_bytes() for part in parts) == (segmented.path / table).read_bytes()
    for part in parts:
        assert find_faults(part, check_audio=True) == []
    before = {path: path.read_bytes() for path in (segmented.path / "split3utt").rglob("*") if path.is_file()}
    split(segmented.path, 3, per_utt=True)
    assert before == {path: path.read_bytes() for path in (segmented.path / "split3utt").rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="6 parts: it has 5 utterances"):
        split(segmented.path, 6, per_utt=True)
    with pytest.raises(InputError, match="0 parts"):
        split(segmented.path, 0)


def test_cut_is_balanced_and_loses_nothing():
    draw = random.Random(0)
    for _ in range(300):
        sizes = [draw.randint(1, 9) for _ in range(draw.randint(1, 30))]
        groups = [[(number, item) for item in range(size)] for number, size in enumerate(sizes)]
        parts = draw.randint(1, len(groups))
        cut = _cut(groups, parts)
        assert len(cut) == parts and all(cut)
        assert sum(cut, []) == sum(groups, [])
        single = [len(part) for part in _cut([[number] for number in range(sum(sizes))], parts)]
        assert max(single) - min(single) <= 1


def test_unknown_files(good):
    (good.path / "excluded").write_text("ann-9 too short\n")
    (good.path / ".done").write_text("key\n")
    (good.path / "split2").mkdir()
    assert unknown_files(good.path) == ["excluded"]

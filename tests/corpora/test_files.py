"""Finding corpora in trees; ids."""

import pytest

from c2ser.corpora.files import SpeakerIds, find_root, is_audio, kaldi_id, walk_audio
from c2ser.errors import InputError


def test_kaldi_id_keeps_letters_of_every_script_and_nothing_that_sorts_before_a_hyphen():
    made = [
        kaldi_id(name) for name in ("Dr. Green", "Guy #1", "Maitre d'", "赵默笙（大学）", " 阿霞", "Joey/Drake", "a-b")
    ]
    assert made == ["Dr._Green", "Guy_1", "Maitre_d", "赵默笙_大学", "阿霞", "Joey_Drake", "a_b"]
    assert kaldi_id("e\u0301") == "\u00e9" and kaldi_id("कमला देवी") == "कमला_देवी"
    with pytest.raises(InputError, match="without a letter"):
        kaldi_id("#!")


def test_distinct_names_never_share_an_id():
    ids = SpeakerIds()
    assert [ids[name] for name in ("Guy #1", "guy 1", "Guy #1", " Guy  #1 ")] == ["Guy_1", "guy_1_2", "Guy_1", "Guy_1"]
    ids = SpeakerIds()
    assert [ids["all"], ids["All"]] == ["all", "All_2"]


def test_find_root_takes_the_highest_place_that_fits(tmp_path):
    for name in ("a/b/here", "a/here", "c/here"):
        (tmp_path / name).mkdir(parents=True)
    assert find_root(tmp_path, lambda path: (path / "here").is_dir(), "here") == tmp_path / "a"
    with pytest.raises(InputError, match="does not hold gold, nor does anything 2 levels below"):
        find_root(tmp_path, lambda path: (path / "gold").is_dir(), "gold")
    with pytest.raises(InputError, match="no such directory"):
        find_root(tmp_path / "nowhere", lambda path: True, "anything")


def test_walk_audio_is_sorted_and_skips_what_is_no_audio(tmp_path):
    for name in ("b/2.wav", "b/1.WAV", "a/x/3.flac", "a/._3.wav", "a/read.txt", ".git/4.wav", "5.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [(between, name) for _, between, name in walk_audio(tmp_path)]
    assert found == [((), "5.mp4"), (("a", "x"), "3.flac"), (("b",), "1.WAV"), (("b",), "2.wav")]
    assert is_audio("A.Wav") and not is_audio("a.lab")

"""Emotions in Polish speech: a tree of all 450 names."""

import shutil

import pytest

from c2ser.errors import InputError

WORDS = ("nie", "oddaj", "podaj", "stop", "tak", "trzymaj")
NAMES = [
    f"POLISH/m{speaker}.{emotion}_{word}_{repetition}.wav"
    for speaker in range(1, 6) for emotion in "asn" for word in WORDS for repetition in range(1, 6)
]  # fmt: skip


def test_five_folds_from_the_folder_or_from_above(tmp_path, build, run):
    root = build(tmp_path / "polish", NAMES)
    for place in (root, root / "POLISH"):
        prepared = run("polish", place, tmp_path / place.name / "data").check()
        assert prepared.classes("all") == {"angry": 150, "fearful": 150, "neutral": 150}
        for fold, speaker in enumerate(("m3", "m2", "m4", "m5", "m1"), 1):
            assert prepared.classes(f"fold{fold}/train") == {"angry": 120, "fearful": 120, "neutral": 120}
            assert prepared.classes(f"fold{fold}/test") == {"angry": 30, "fearful": 30, "neutral": 30}
            assert set(prepared[f"fold{fold}/test"].read("utt2spk").values()) == {speaker}
    data = prepared["all"]
    assert data.read("text")["m4-s_trzymaj_5"] == "trzymaj" and data.read("utt2emo")["m4-s_trzymaj_5"] == "fearful"
    assert data.read("utt2lang")["m1-a_nie_1"] == "pl" and data.read("spk2gender") == dict.fromkeys(
        ("m1", "m2", "m3", "m4", "m5"), "m"
    )
    assert data.read("utt2dur")["m1-a_nie_1"] == "0.5000" and not data.has("reco2channel") and not data.has("segments")


def test_a_file_that_is_none_of_the_corpus_stops_it(tmp_path, build, run):
    root = build(tmp_path / "polish", [*NAMES, "POLISH/m6.a_nie_1.wav"])
    with pytest.raises(InputError, match=r"1 files that are not part(.|\n)*m6.a_nie_1.wav"):
        run("polish", root, tmp_path / "data")


def test_a_zip_that_is_not_unpacked_is_named(tmp_path, run):
    (tmp_path / "polish").mkdir()
    shutil.make_archive(str(tmp_path / "polish" / "polish_speech_emotions"), "zip", tmp_path / "polish")
    with pytest.raises(InputError, match="unpack polish_speech_emotions.zip"):
        run("polish", tmp_path / "polish", tmp_path / "data")

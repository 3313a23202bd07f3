"""EMOVO: the whole corpus, the 48 kHz originals, and a tree of all 588 names damaged in every way."""

import os

import pytest

from c2ser.audio import read_utterances
from c2ser.errors import InputError
from tests.media import write_wav

EMOTIONS = ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
CLASSES = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
SENTENCES = ("b1", "b2", "b3", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5", "d1", "d2")
SPEAKERS = ("f1", "f2", "f3", "m1", "m2", "m3")
NAMES = [f"{s}/{e}-{s}-{t}.wav" for s in SPEAKERS for e in EMOTIONS for t in SENTENCES]


def test_the_whole_corpus(tmp_path, shared, run):
    prepared = run("emovo", shared("EMOVO"), tmp_path).check()
    assert prepared.classes("all") == dict.fromkeys(CLASSES, 84)
    for fold, speaker in enumerate(("f2", "m3", "m2", "f3", "f1", "m1"), 1):
        assert prepared.classes(f"fold{fold}/train") == dict.fromkeys(CLASSES, 70)
        assert prepared.classes(f"fold{fold}/test") == dict.fromkeys(CLASSES, 14)
        assert list(prepared[f"fold{fold}/test"].read("spk2utt")) == [speaker]
    data = prepared["all"]
    assert data.read("text")["f1-gio-d1"] == "Sabato sera cosa farà?"
    assert data.read("spk2gender")["f1"] == "f" and data.read("spk2gender")["m3"] == "m"
    assert sum(float(seconds) for seconds in data.read("utt2dur").values()) / 3600 == pytest.approx(0.51, abs=0.005)


def test_the_originals_are_read_on_channel_1_and_the_mono_one_as_it_is(tmp_path, shared, run, capsys):
    prepared = run("emovo", shared("EMOVO-original"), tmp_path, allow_missing=580).check()
    said = capsys.readouterr().out
    assert "580 of 588 utterances are missing" in said and "fold 5 is skipped: nothing of its train" in said
    assert prepared.sets() == ["all"] and len(prepared.listed("all", "missing")) == 580
    channels = prepared["all"].read("reco2channel")
    assert len(channels) == 7 and set(channels.values()) == {"1"} and "f1-rab-b1" not in channels
    copies = run("emovo", shared("EMOVO"), tmp_path / "copies")
    ours = dict(read_utterances(prepared["all"]))
    for utterance, copied in read_utterances(copies["all"], list(ours)):
        assert len(ours[utterance]) == len(copied)
        assert abs(ours[utterance] - copied).max() < 0.01  # another resampler, but the same microphone


@pytest.fixture
def tree(tmp_path, build):
    return build(tmp_path / "EMOVO", NAMES)


def remove(tree):
    (tree / "m1" / "tri-m1-n5.wav").unlink()


def add_name(tree):
    os.link(tree / "m1" / "tri-m1-n5.wav", tree / "m1" / "tri-m1-n6.wav")


def add_kind(tree):
    write_wav(tree / "f2" / "tri-f2-n5 (1).wav")


def change_label(tree):
    (tree / "m1" / "tri-m1-n5.wav").rename(tree / "m1" / "zzz-m1-n5.wav")


def change_speaker(tree):
    (tree / "m1" / "tri-m1-n5.wav").rename(tree / "m2" / "tri-m1-n5.wav")


def tear(tree):
    (tree / "m1" / "tri-m1-n5.wav").unlink()
    (tree / "m1" / "tri-m1-n5.wav").write_bytes(b"RIFF")


def add_channels(tree):
    (tree / "m1" / "tri-m1-n5.wav").unlink()
    write_wav(tree / "m1" / "tri-m1-n5.wav", channels=3)


def repeat(tree):
    os.link(tree / "m1" / "tri-m1-n5.wav", tree / "m1" / "TRI-m1-n5.wav")


@pytest.mark.parametrize(
    "damage, message",
    [
        (remove, r"587 .*588 published(.|\n)*m1 sad: expected 14, found 13 \(tested in fold 6\)(.|\n)*tri-m1-n5.wav"),
        (add_name, "1 files that are not part(.|\n)*tri-m1-n6.wav"),
        (add_kind, r"1 files that are not part(.|\n)*tri-f2-n5 \(1\).wav"),
        (change_label, "1 files that are not part(.|\n)*zzz-m1-n5.wav"),
        (change_speaker, "1 files that are not part(.|\n)*m2/tri-m1-n5.wav: no name of the corpus for a file of"),
        (tear, "m1 sad: expected 14, found 13(.|\n)*tri-m1-n5.wav: not audio"),
        (add_channels, "tri-m1-n5.wav: 3 channels, and emovo does not say"),
        (repeat, "its id belongs to"),
    ],
)
def test_damage_is_named_and_nothing_is_written(tree, tmp_path, run, damage, message):
    damage(tree)
    with pytest.raises(InputError, match=message):
        run("emovo", tree, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_loss_can_be_allowed_but_no_more_than_was_allowed(tree, tmp_path, run, capsys):
    remove(tree)
    (tree / "f1" / "dis-f1-b1.wav").unlink()
    with pytest.raises(InputError, match="2 are missing: fetch them, or accept the loss with --allow_missing 2"):
        run("emovo", tree, tmp_path / "data", allow_missing=1)
    prepared = run("emovo", tree, tmp_path / "data", allow_missing=2).check()
    assert len(prepared["all"].utterances()) == 586 and prepared.classes("fold6/test")["sad"] == 13
    assert len(prepared.listed("all", "missing")) == 2 and "2 of 588 utterances are missing" in capsys.readouterr().out


def test_audio_outside_the_speakers_folders_is_left_out_with_a_reason(tree, tmp_path, run, capsys):
    write_wav(tree / "documents" / "sample.wav")
    prepared = run("emovo", tree, tmp_path / "data").check()
    assert list(prepared.listed("all", "excluded").values()) == ["lies outside the speakers' folders"]
    assert "1 left out by rule" in capsys.readouterr().out and len(prepared["all"].utterances()) == 588


@pytest.mark.parametrize("content", [None, "readme.txt"])
def test_an_empty_or_foreign_root_is_refused(tmp_path, run, content):
    (tmp_path / "root").mkdir()
    if content:
        (tmp_path / "root" / content).write_text("x")
    with pytest.raises(InputError, match="does not hold speakers' folders f1"):
        run("emovo", tmp_path / "root", tmp_path / "data")
    with pytest.raises(InputError, match="--root is empty: set the path of emovo in db.sh"):
        run("emovo", "", tmp_path / "data")

"""MELD: its real tables with a tree of all its clips, a few of them real 5.1 and stereo mp4 made here."""

import csv
import io

import numpy as np
import pytest

from c2ser.audio import read_utterances
from c2ser.corpora import meld
from c2ser.corpora.counts import check_counts
from c2ser.errors import InputError
from tests.media import encode, tone

FOLDERS = {"train": "train/train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
EXTRAS = {
    "train": [],
    "dev": ["dia49_utt4", "dia49_utt5", "dia66_utt9", "dia66_utt10"],
    "test": ["dia108_utt2", "final_videos_testdia93_utt5", "final_videos_testdia108_utt0", "._dia0_utt0"],
}
CLASSES = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
COUNTS = {  # the published numbers of rows less one neutral of train and one of dev
    "train": (1109, 271, 268, 1743, 4709, 683, 1205),
    "dev": (153, 22, 40, 163, 469, 111, 150),
    "test": (345, 68, 50, 402, 1256, 208, 281),
}
KINDS = {
    ("train", "dia0_utt0"): "film.mp4", ("test", "dia0_utt0"): "stereo.mp4", ("dev", "dia0_utt0"): "stereo.mp4",
    ("train", "dia309_utt0"): "long.mp4", ("test", "dia38_utt4"): "long.mp4", ("test", "dia220_utt0"): "long.mp4",
}  # fmt: skip
"""Clips that are not the usual 5.1 without a picture."""

pytest.importorskip("av", reason="PyAV is not installed")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The kinds of clips that MELD has; most without a picture, to save time."""
    folder = tmp_path_factory.mktemp("clips")
    encode(folder / "5.1.mp4", "5.1", 0.4, picture=False)
    encode(folder / "film.mp4", "5.1", 0.4)
    encode(folder / "stereo.mp4", "stereo", 0.4)
    encode(folder / "long.mp4", "stereo", 41.0, rate=16000, picture=False)
    return folder


def table_of(shared, split):
    return (shared("meld-sample") / f"{split}_sent_emo.csv").read_bytes().decode("utf-8")


def rows_of(shared, split):
    return list(csv.DictReader(io.StringIO(table_of(shared, split), newline="")))


def clip_of(row):
    return f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"


@pytest.fixture(scope="module")
def tree(tmp_path_factory, build, shared, clips):
    """MELD.Raw as unpacked, its csv with the C1 controls that the archive's have."""
    root = tmp_path_factory.mktemp("meld") / "MELD.Raw"
    for split, folder in FOLDERS.items():
        names = [clip_of(row) for row in rows_of(shared, split)] + EXTRAS[split]
        for name in names:
            if (split, name) not in (("train", "dia125_utt3"), ("dev", "dia110_utt7")):
                build(root, [f"{folder}/{name}.mp4"], source=clips / KINDS.get((split, name), "5.1.mp4"))
        place = root / "train" if split == "train" else root
        broken = table_of(shared, split).replace("’", "\u0092").replace("…", "\u0085")
        (place / f"{split}_sent_emo.csv").write_text(broken, encoding="utf-8", newline="")
    (root / "train/train_splits/dia125_utt3.mp4").write_bytes(b"\0" * 1000)
    return root


@pytest.fixture(scope="module")
def prepared(tree, tmp_path_factory, run):
    return run("meld", tree.parent, tmp_path_factory.mktemp("data"))


def test_all_rows(prepared, shared):
    prepared.check()
    for split, counts in COUNTS.items():
        assert prepared.classes(split) == dict(zip(CLASSES, counts))
    sizes = {name: len(prepared[name].utterances()) for name in prepared.sets()}
    assert sizes == {"all": 13706, "train": 9988, "dev": 1108, "test": 2610}
    assert set(prepared["all"].read("utt2lang").values()) == {"en"}
    for split in COUNTS:
        by_clip = {utterance.partition("-")[2]: text for utterance, text in prepared[split].read("text").items()}
        for row in rows_of(shared, split):
            text = by_clip.pop(f"{split}_{clip_of(row)}", None)
            broken = (split, clip_of(row)) in (("train", "dia125_utt3"), ("dev", "dia110_utt7"))
            assert text == (None if broken else " ".join(row["Utterance"].split()))
        assert not by_clip


def test_what_is_left_out_and_what_is_odd_is_listed(prepared):
    assert prepared.listed("train", "excluded") == {"train/dia125_utt3": "the published clip is corrupt"}
    dev, test = (prepared.listed(split, "excluded") for split in ("dev", "test"))
    assert len(dev) == 5 and dev["dev/dia110_utt7"] == "the published archive holds no such clip"
    assert len(test) == 3 and sum("further copy of a test clip" in reason for reason in test.values()) == 2
    assert prepared.listed("all", "excluded") == {**prepared.listed("train", "excluded"), **dev, **test}
    odd = {split: list(prepared.listed(split, "suspicious")) for split in COUNTS}
    assert odd == {
        "train": ["Chandler-train_dia309_utt0"],
        "dev": [],
        "test": ["Student-test_dia38_utt4", "Phoebe-test_dia220_utt0"],
    }
    assert prepared.listed("test", "suspicious")["Student-test_dia38_utt4"] == "41.0 s long: probably cut wrongly"


def test_the_speech_channel_of_each_kind_of_clip(prepared):
    channels = prepared["all"].read("reco2channel")
    assert len(channels) == 13706
    by_clip = {utterance.partition("-")[2]: utterance for utterance in channels}
    expected = {"train_dia0_utt0": "3", "test_dia0_utt0": "1", "dev_dia0_utt0": "1", "test_dia0_utt1": "3"}
    assert {clip: channels[by_clip[clip]] for clip in expected} == expected
    for utterance, samples in read_utterances(prepared["all"], [by_clip[clip] for clip in expected]):
        peak = np.argmax(np.abs(np.fft.rfft(samples))) * 16000 / len(samples)
        assert len(samples) == 6400 and peak == pytest.approx(tone(int(channels[utterance])), abs=5)


def write_small(root, rows, header="Sr No.,Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID"):
    for split in FOLDERS:
        text = "\r\n".join([header, *(rows if split == "test" else [])]) + "\r\n"
        (root / f"{split}_sent_emo.csv").write_text(text, encoding="utf-8", newline="")


@pytest.mark.parametrize(
    "rows, header, message",
    [
        (["1,Hi,Ross,joy,0,0", "2,Ho,Ross,joy,0,0"], None, r"test_sent_emo.csv:3: dia0_utt0: a second row"),
        (["1,Hi,Ross,joy,0,x"], None, r"test_sent_emo.csv:2: Dialogue_ID and Utterance_ID are not numbers"),
        (["1,Hi,,joy,0,0"], None, r"test_sent_emo.csv:2: dia0_utt0: no speaker"),
        (["1,Hi,Ross,glad,0,0"], None, r"test_sent_emo.csv:2: unknown emotion label 'glad'"),
        (["1"], "Sr No.", r"_sent_emo.csv:1: expected the columns"),
    ],
)
def test_a_malformed_table_is_refused(tmp_path, build, rows, header, message):
    build(tmp_path, ["test/dia0_utt0.wav"])
    write_small(tmp_path, rows, **({"header": header} if header else {}))
    with pytest.raises(InputError, match=message):
        meld.read(tmp_path)


def test_an_absent_or_foreign_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not hold test_sent_emo.csv"):
        meld.read(tmp_path)
    write_small(tmp_path, [])
    (tmp_path / "dev_sent_emo.csv").unlink()
    with pytest.raises(InputError, match="dev_sent_emo.csv: no such file"):
        meld.read(tmp_path)
    (tmp_path / "dev_sent_emo.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="dev_sent_emo.csv: not UTF-8"):
        meld.read(tmp_path)


def test_a_changed_label_stops_it_whatever_may_be_missing(tree, tmp_path, shared):
    for split in FOLDERS:
        text = table_of(shared, split)
        if split == "test":
            text = text.replace(",Phoebe,joy,", ",Phoebe,fear,", 1)
        (tmp_path / f"{split}_sent_emo.csv").write_text(text, encoding="utf-8", newline="")
        (tmp_path / split).symlink_to(tree / FOLDERS[split])
    message = "test fearful: expected 50, found 51(.|\n)*test happy: expected 402, found 401(.|\n)*never allowed"
    with pytest.raises(InputError, match=message):
        check_counts(meld.CORPUS, meld.read(tmp_path), tmp_path, allow_missing=100)


def test_the_sample(tmp_path, shared, run, capsys):
    with pytest.raises(InputError, match="4 utterances found, 13706 published"):
        run("meld", shared("meld-sample"), tmp_path / "data")
    prepared = run("meld", shared("meld-sample"), tmp_path / "data", allow_missing=13702).check()
    assert "13702 of 13706 utterances are missing" in capsys.readouterr().out
    assert prepared.sets() == ["all", "test"] and prepared.classes("test") == {
        "happy": 1, "neutral": 1, "sad": 1, "surprised": 1,
    }  # fmt: skip
    data = prepared["test"]
    assert data.read("text")["Mark-test_dia0_utt0"] == "Why do all you’re coffee mugs have numbers on the bottom?"
    assert set(data.read("reco2channel").values()) == {"1"}
    assert len(prepared.listed("test", "missing")) == 2606
    assert [len(samples) for _, samples in read_utterances(data)] == [36320, 45120, 67680, 34400]

"""Joint sets: who is in which fold of which part, under which name, and what is refused with nothing written."""

import pytest

from c2ser.bin import combine_corpora
from c2ser.corpora import joint
from c2ser.corpora.base import Corpus, Note, Utterance
from c2ser.corpora.joint import combine_corpora as combine
from c2ser.corpora.sets import compose
from c2ser.corpora.writing import write_set
from c2ser.datadir import DataDir
from c2ser.datadir.validate import find_faults
from c2ser.errors import InputError


def utterances(speakers, emotions="happy sad", split=None, language="it", seconds=1800):
    """An utterance of each emotion by each speaker."""
    return [
        Utterance(f"{s}-{e}", s, e, language, f"/{language}/{split}/{s}-{e}.wav", e, "f", split=split, seconds=seconds)
        for s in speakers
        for e in emotions.split()
    ]


def prepare(path, members, folds=None, dev_speakers=1):
    """Write what prepare_data would write of these utterances; folds: "1 a\\n2 b" or None."""
    table = path.with_suffix(".tsv")
    if folds:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(folds.replace(" ", "\t"))
    corpus = Corpus(path.name, "", ("it",), "none", "nowhere", folds=table if folds else None)
    sets, _ = compose(corpus, members, dev_speakers=dev_speakers)
    for name, chosen in sets.items():
        write_set(path / name, chosen)
    return path


@pytest.fixture
def sources(tmp_path):
    """Three folds, two folds, official splits, a test only, and a corpus without any sets but all."""
    root = tmp_path / "data/corpora"
    parts = [("tr", "train"), ("d", "dev"), ("te", "test")]
    official = [one for speaker, split in parts for one in utterances([speaker], "sad other", split, "en")]
    return [
        ("big", prepare(root / "big", utterances("abc"), "1 a\n2 b\n3 c")),
        ("two", prepare(root / "two", utterances("mn", language="pl"), "1 m\n2 n", dev_speakers=0)),
        ("tv", prepare(root / "tv", official)),
        ("exam", prepare(root / "exam", utterances("x", "angry", "test", "zh"))),
        ("heap", prepare(root / "heap", utterances("h", "calm", language="cs"))),
    ]


def speakers(data, name):
    """The speakers of a set without their corpus, joined by blanks."""
    return " ".join(speaker.partition("_")[2] for speaker in DataDir(data / name).read("spk2utt"))


def sets_of(data):
    return {str(path.parent.relative_to(data)) for path in data.rglob("utt2spk") if "corpora" not in path.parts}


def test_joint_folds(sources, tmp_path):
    data = tmp_path / "data"
    _, lines = combine(sources, data)
    assert speakers(data, "all") == "a b c x h d te tr m n"
    expected = {  # big, exam, heap, tv, two: the order of their names
        "fold1/train": "b c h tr n", "fold1/train_nodev": "c h tr n", "fold1/dev": "b d", "fold1/test": "a x te m",
        "fold2/train": "a c h tr m", "fold2/train_nodev": "a h tr m", "fold2/dev": "c d", "fold2/test": "b x te n",
        "fold3/train": "a b h tr m n", "fold3/train_nodev": "b h tr m n", "fold3/dev": "a d", "fold3/test": "c x te",
        "test/big/fold1": "a", "test/big/fold2": "b", "test/big/fold3": "c",
        "test/two/fold1": "m", "test/two/fold2": "n",
    }  # fmt: skip
    expected |= {f"test/tv/fold{fold}": "te" for fold in (1, 2, 3)} | {f"test/exam/fold{k}": "x" for k in (1, 2, 3)}
    assert {name: speakers(data, name) for name in expected} == expected
    assert sets_of(data) == {"all", *expected}
    assert all(find_faults(data / name) == [] for name in expected)
    for said in (
        "two: has no fold 3: there all of it is for training",
        "heap: has no fold 1 2 3: there all of it is for training",
        "tv: its official test is the same in all folds; never pool it over them",
        "exam: its official test is the same in all folds; never pool it over them",
        "fold3: train 11, train_nodev 9, dev 4, test 5",
        "test/two: fold1 2, fold2 2",
        "all: 18",
    ):
        assert said in lines


def test_the_tests_of_corpora_are_those_of_the_fold_in_parts(sources, tmp_path):
    data = tmp_path / "data"
    combine(sources, data)
    for fold in (1, 2, 3):
        parts = [DataDir(path).utterances() for path in sorted(data.glob(f"test/*/fold{fold}"))]
        assert sorted(sum(parts, [])) == DataDir(data / f"fold{fold}/test").utterances()


def test_every_id_starts_with_its_corpus(sources, tmp_path):
    combine(sources, tmp_path / "data")
    test = DataDir(tmp_path / "data/fold1/test")
    assert test.read("utt2corpus") == {
        "big_a-happy": "big", "big_a-sad": "big", "exam_x-angry": "exam", "tv_te-other": "tv", "tv_te-sad": "tv",
        "two_m-happy": "two", "two_m-sad": "two",
    }  # fmt: skip
    assert test.read("spk2gender") == {"big_a": "f", "exam_x": "f", "tv_te": "f", "two_m": "f"}
    assert test.read("utt2spk")["tv_te-sad"] == "tv_te" and test.read("wav.scp")["tv_te-sad"] == "/en/test/te-sad.wav"
    assert list(test.read("wav.scp")) == test.utterances()


def test_a_corpus_without_transcripts_among_others(sources, tmp_path):
    """It takes nobody's words away, and what it does not say is an empty line. Unlabelled speech has a column."""
    heap = DataDir(dict(sources)["heap"] / "all")
    (heap.path / "text").unlink()
    heap.write("utt2emo", {"h-calm": "unknown"})
    rows, lines = combine(sources, tmp_path / "data")
    text = DataDir(tmp_path / "data/all").read("text")
    assert text["heap_h-calm"] == "" and text["big_a-sad"] == "sad" and not any("text left out" in line for line in lines)
    assert rows[0][-1] == "unknown" and [row[-1] for row in rows if row[0] in ("heap", "all")] == ["1", "1"]


def test_one_corpus_left_out(sources, tmp_path):
    data = tmp_path / "data"
    _, lines = combine(sources, data, leave_out=True)
    expected = {
        "big": {"train": "h tr m n", "train_nodev": "h tr m n", "dev": "d", "test": "a b c"},
        "two": {"train": "a b c h tr", "train_nodev": "a c h tr", "dev": "b d", "test": "m n"},
        "tv": {"train": "a b c h m n", "train_nodev": "a c h m n", "dev": "b", "test": "te"},
        "heap": {"train": "a b c tr m n", "train_nodev": "a c tr m n", "dev": "b d", "test": "h"},
    }
    assert not (data / "without_exam").exists()
    for name, parts in expected.items():
        assert {part: speakers(data, f"without_{name}/{part}") for part in parts} == parts
    assert "without_tv: train 11, train_nodev 9, dev 2, test 2" in lines


def test_left_out_needs_two_to_train_on(sources, tmp_path):
    _, lines = combine([sources[0], sources[3]], tmp_path / "data", leave_out=True)
    assert any(line.startswith("no without_…: it takes two corpora with training data") for line in lines)
    assert not list((tmp_path / "data").glob("without_*")) and (tmp_path / "data/fold1/test").exists()


def test_a_part_that_nobody_has_is_said(sources, tmp_path):
    _, lines = combine(sources[3:4], tmp_path / "data")
    assert sets_of(tmp_path / "data") == {"all", "fold1/test", "test/exam/fold1"}
    assert [line for line in lines if line.startswith("no ")] == [
        f"no fold1/{part}: no corpus has anything for it" for part in ("train", "train_nodev", "dev")
    ]
    (tv,) = [path for name, path in sources if name == "tv"]
    for table in tv.glob("test/*"):
        table.unlink()
    (tv / "test").rmdir()
    _, lines = combine(sources[:3], tmp_path / "data", leave_out=True)
    assert "no without_tv/test: no corpus has anything for it" in lines
    assert "tv: 2 utterances are in all and in no official split" in lines
    assert not (tmp_path / "data/without_tv/test").exists() and not (tmp_path / "data/test/tv").exists()


def test_the_command_prints_a_table(sources, tmp_path, capsys):
    argv = [f"--corpus={name}={path}" for name, path in sources]
    combine_corpora.main([*argv, "--data_dir", str(tmp_path / "data"), "--leave_out", "true"])
    said = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines()[:8]}
    assert rows["Corpus"] == "utterances speakers hours languages folds angry happy sad calm other".split()
    assert rows["big"] == "6 3 3.00 it 1 2 3 – 3 3 – –".split()
    assert rows["tv"] == "6 3 3.00 en official train dev test – – 3 – 3".split()
    assert rows["exam"] == "1 1 0.50 zh official test 1 – – – –".split()
    assert rows["heap"] == "1 1 0.50 cs none – – – 1 –".split()
    assert rows["all"] == "18 10 9.00 cs en it pl zh 1 5 8 1 3".split()
    assert "fold1: train 9, train_nodev 7, dev 4, test 7" in said and (tmp_path / "data/without_tv").exists()
    with pytest.raises(SystemExit):
        combine_corpora.main(["--corpus", "big"])
    assert "expected name=folder" in capsys.readouterr().err


def test_segments_and_their_recordings(tmp_path):
    members = utterances("ab", language="en")
    for number, one in enumerate(members):
        one.audio, one.recording, one.start, one.end = "/en/call.wav", "call", number * 2.0, number * 2.0 + 1.5
        one.channel = 2
    cut = prepare(tmp_path / "cut", members, "1 a\n2 b", dev_speakers=0)
    whole = prepare(tmp_path / "whole", utterances("a", "calm", seconds=2.5))
    combine([("cut", cut), ("whole", whole)], tmp_path / "data")
    joined = DataDir(tmp_path / "data/all")
    assert joined.segments()["cut_b-happy"] == ("cut_call", 4.0, 5.5)
    assert joined.segments()["whole_a-calm"] == ("whole_a-calm", 0.0, 2.5)
    assert joined.read("wav.scp") == {"cut_call": "/en/call.wav", "whole_a-calm": "/it/None/a-calm.wav"}
    assert joined.read("reco2channel") == {"cut_call": "2"}
    assert all(find_faults(path.parent) == [] for path in (tmp_path / "data").rglob("utt2spk"))


def test_what_is_left_out_is_said(sources, tmp_path):
    (_, big), (_, two) = sources[:2]
    DataDir(big / "all").write("utt2f0", dict.fromkeys(DataDir(big / "all").utterances(), "100.0"))
    test = DataDir(two / "fold1/test")
    test.write("utt2style", dict.fromkeys(test.utterances(), "speed=low pitch=low volume=low"))
    write_set(tmp_path / "listed", utterances("a"), [("excluded", [Note("/x.wav", "stray")])])
    (tmp_path / "listed/excluded").rename(big / "all/excluded")
    for name in ("fold7", "fold10", "without_old", "dev", "mine"):
        (tmp_path / "data" / name).mkdir()
    _, lines = combine(sources[:2], tmp_path / "data")
    assert f"utt2f0 left out: absent from {two}/all" in lines
    assert "two: utt2style of single sets left out, since all has none: make them for the joint sets" in lines
    assert f"big: not carried over, being no tables of a data directory: excluded of {big}/all" in lines
    stale = [line.split()[0].rpartition("/")[2] for line in lines if "left from an earlier run" in line]
    assert stale == ["fold10", "fold7", "without_old", "dev"]
    assert not any(DataDir(path.parent).has("utt2f0") for path in (tmp_path / "data").glob("*/utt2spk"))


REFUSED = [
    (lambda named: [], "no corpus is named"),
    (lambda named: [("big", named[0][1]), ("BIG", named[1][1])], "--corpus big: given twice"),
    (lambda named: [named[0], ("other", named[0][1])], "that folder is given twice"),
    (lambda named: [("b/g", named[0][1])], "a name is of ASCII letters"),
    (lambda named: [("big", named[0][1] / "nowhere")], "nowhere: no such folder; c2ser prepare-data"),
    (lambda named: [("big", named[0][1] / "fold1")], "big/fold1: no sets there, not even `all`"),
]


@pytest.mark.parametrize("change, words", REFUSED)
def test_wrong_names_and_folders(sources, tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        combine(change(sources), tmp_path / "data")
    assert sets_of(tmp_path / "data") == set()


def test_sets_that_contradict_each_other(sources, tmp_path):
    big, tv = sources[0][1], sources[2][1]

    def refused(words):
        with pytest.raises(InputError, match=words):
            combine([sources[0], sources[2]], tmp_path / "data")
        assert sets_of(tmp_path / "data") == set()

    dev = DataDir(tv / "dev")
    dev.write_speakers({**dev.read("utt2spk"), "te-sad": "te"})
    refused("tv/dev and test share 1 utterances: te-sad")
    dev.write_speakers({"tr-new": "tr"})
    refused("tv/dev/utt2spk: 1 utterances are not in .*tv/all: tr-new")
    dev.write_speakers({"d-sad": "d"})
    train = DataDir(big / "fold2/train")
    train.write_speakers({"b-sad": "b", "c-sad": "c"})
    refused("big/fold2/train and fold2/test share 1 utterances: b-sad")
    (train.path / "utt2spk").unlink()
    refused("big/fold2/train/utt2spk: no such file")
    (big / "train").mkdir()
    refused("big holds folds and train; one of the two is left")
    (big / "all/utt2emo").write_text("a-sad joyous\n")
    (big / "train").rmdir()
    refused("utt2emo:1: a-sad: unknown emotion")


def test_corpora_that_share_audio_or_speakers(tmp_path):
    one = prepare(tmp_path / "one", utterances("ab", language="en"), "1 a\n2 b", dev_speakers=0)
    copy = prepare(tmp_path / "copy", utterances("a", language="en"))
    with pytest.raises(InputError, match="one and copy have 2 recordings in common: /en/None/a-happy.wav"):
        combine([("one", one), ("copy", copy)], tmp_path / "data")
    inner = prepare(tmp_path / "inner", utterances(["b_c"], "sad"))
    outer = prepare(tmp_path / "outer", utterances("c", "happy", language="pl"))
    with pytest.raises(InputError, match="a and a_b have 1 speaker ids in common: a_b_c; give one another name"):
        combine([("a", inner), ("a_b", outer)], tmp_path / "data")


def test_a_joint_directory_is_no_source(sources, tmp_path):
    with pytest.raises(InputError, match="corpora/big would be overwritten"):
        combine([sources[0]], sources[0][1])
    sources[1][1].rename(tmp_path / "data/fold1")
    with pytest.raises(InputError, match="data/fold1 would be overwritten"):
        combine([("two", tmp_path / "data/fold1")], tmp_path / "data")
    (tmp_path / "data/fold1").rename(sources[1][1])
    combine(sources, tmp_path / "data")
    with pytest.raises(InputError, match="utt2corpus: corpora that are joined already"):
        combine([("joint", tmp_path / "data")], tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_all_or_nothing_and_the_same_again(sources, tmp_path, monkeypatch):
    data = tmp_path / "data"

    def content():
        return {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}

    combine(sources[:2], data)
    before = content()
    combine(sources[:2], data)
    assert content() == before
    replace_all = joint.replace_all

    def fail(path, tables):
        replace_all(path, tables)
        if path.parts[-2:] == ("fold2", "dev"):
            raise OSError("the disk is full")

    monkeypatch.setattr(joint, "replace_all", fail)
    with pytest.raises(OSError, match="the disk is full"):
        combine(sources, data)
    assert content() == before and not list(data.glob(".*"))

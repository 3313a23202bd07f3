"""ESD: all 35,000 names in both layouts and every encoding of its transcripts."""

import pytest

from c2ser.corpora import esd
from c2ser.errors import InputError

SPEAKERS = [f"{number:04}" for number in range(1, 21)]
FOLDERS = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
CLASSES = ("angry", "happy", "neutral", "sad", "surprised")
CHINESE = dict(zip(FOLDERS, ("中立", "生气", "快乐", "伤心", "惊喜")))
FOLDS = (
    "0005 0011 0016 0018",
    "0012 0014 0015 0019",
    "0003 0004 0006 0009",
    "0007 0008 0013 0020",
    "0001 0002 0010 0017",
)
ENCODINGS = {
    **dict.fromkeys(("0001", "0002", "0004", "0005", "0009"), "gb2312"),
    **dict.fromkeys("0003 0006 0007 0008 0010 0012 0013 0014 0018 0019".split(), "utf-16"),
    **dict.fromkeys(("0011", "0015", "0020"), "utf-8"),
    **dict.fromkeys(("0016", "0017"), "latin-1"),
}
BLANKS = {("0012", 1355), ("0013", 431), ("0015", 137), ("0005", 9)}
"""Lines with a blank where a TAB should be."""


def folder_of(number):
    return FOLDERS[(number - 1) // 350]


def text_of(speaker, number):
    if speaker <= "0010":
        return f"打远一看第{number}句"
    apostrophe = "\x92" if ENCODINGS[speaker] == "latin-1" else "’"
    return f"The café{apostrophe}s line {number}, naïve."


def lines(speaker):
    for number in range(1, 1751):
        label = CHINESE[folder_of(number)] if speaker <= "0010" else folder_of(number)
        gap = " " if (speaker, number) in BLANKS else "\t"
        yield f"{speaker}_{number:06}{gap}{text_of(speaker, number)}{gap}{label}\r\n"


def names(speaker, split):
    for number in range(1, 1751):
        place = (number - 1) % 350  # 300 for training, 20 to evaluate, 30 to test, should the copy be split
        inner = ("evaluation/" if place < 20 else "test/" if place < 50 else "train/") if split else ""
        yield f"{speaker}/{folder_of(number)}/{inner}{speaker}_{number:06}.wav"


def write_transcript(root, speaker, encoding=None):
    data = "".join(lines(speaker)).encode(encoding or ENCODINGS[speaker])
    (root / speaker / f"{speaker}.txt").write_bytes(data)


@pytest.fixture(scope="module")
def tree(tmp_path_factory, build):
    """Mandarin speakers flat, English ones split, as the two copies that go about have them."""
    root = tmp_path_factory.mktemp("esd") / "Emotional Speech Dataset (ESD)" / "Emotion Speech Dataset"
    for speaker in SPEAKERS:
        build(root, names(speaker, split=speaker > "0010"))
        write_transcript(root, speaker)
    (root / "ReadMe.txt").write_text("no transcript")
    return root


def test_all_35000(tree, tmp_path, run):
    prepared = run("esd", tree.parent, tmp_path, dev_speakers=2)
    assert prepared.classes("all") == dict.fromkeys(CLASSES, 7000)
    for fold, speakers in enumerate(FOLDS, 1):
        assert prepared.classes(f"fold{fold}/train") == dict.fromkeys(CLASSES, 5600)
        assert prepared.classes(f"fold{fold}/test") == dict.fromkeys(CLASSES, 1400)
        assert " ".join(prepared[f"fold{fold}/test"].read("spk2utt")) == speakers
        following = FOLDS[fold % 5].split()[:2]
        assert list(prepared[f"fold{fold}/dev"].read("spk2utt")) == following
        assert len(prepared[f"fold{fold}/train_nodev"].utterances()) == 24500
    data = prepared["all"]
    text, language = data.read("text"), data.read("utt2lang")
    for speaker in SPEAKERS:
        for number in range(1, 1751):
            identity = f"{speaker}-{number:06}"
            assert text[identity] == text_of(speaker, number).replace("\x92", "’")
            assert language[identity] == ("zh" if speaker <= "0010" else "en")
    assert data.read("utt2emo")["0011-000351"] == "angry" and data.read("utt2emo")["0011-000350"] == "neutral"
    assert list(data.read("spk2gender").values()).count("f") == 10
    assert not data.has("suspicious") and not data.has("excluded") and not data.has("missing")
    prepared.check()


def test_both_layouts_give_the_same_utterances(tmp_path, build):
    readings = []
    for split in (False, True):
        root = build(tmp_path / str(split), names("0016", split))
        write_transcript(root, "0016")
        readings.append(esd.read(root))
    flat, split = ([(u.id, u.emotion, u.text, u.speaker) for u in reading.utterances] for reading in readings)
    assert flat == split and len(flat) == 1750
    assert len(readings[0].missing) == 35000 - 1750


@pytest.mark.parametrize("speaker", ["0001", "0011"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "own"])
def test_a_transcript_is_read_in_whatever_encoding_a_copy_has(tmp_path, speaker, encoding):
    (tmp_path / speaker).mkdir()
    own = {"0001": "gb18030", "0011": "cp1252"}[speaker]
    write_transcript(tmp_path, speaker, own if encoding == "own" else encoding)
    read = esd.read_transcript(tmp_path / speaker / f"{speaker}.txt", speaker)
    assert read == {number: (text_of(speaker, number), None) for number in range(1, 1751)}


def test_transcript_lines_with_faults_are_mended_or_doubted(tmp_path):
    path = tmp_path / "0011.txt"
    path.write_bytes(
        b"0011_000001\tPlain.\tNeutral\r\n0011_000002 With a blank. Neutral\r\n\r\n0011_000003\tNo label.\r\n"
        b"0011_000004\tWrong label.\tAngry\r\n0012_000005\tAnother speaker's.\tNeutral\r\n"
        b"0011_000006\tThe line\x85 goes on.\tNeutral\r\n0011_000007\tLast  one.  \tNeutral"
    )
    assert esd.read_transcript(path, "0011") == {
        1: ("Plain.", None),
        2: ("With a blank.", None),
        3: ("No label.", "its transcript line carries no label"),
        4: ("Wrong label.", "its transcript labels it angry"),
        6: ("The line… goes on.", None),
        7: ("Last one.", None),
    }
    path.write_bytes("0011_000001\tPlain.\tNeutral".encode("utf-32"))
    with pytest.raises(InputError, match="0011.txt: none of the encodings"):
        esd.read_transcript(path, "0011")


@pytest.mark.parametrize(
    "name, message",
    [
        ("0011/Happy/0011_000352.wav", "its number says angry, its folder Happy"),
        ("0011/Angry/train/0011_000351.wav", "a second copy of"),
        ("0011/Angry/0012_000352.wav", "no name of the corpus for a file of speaker 0011"),
        ("0011/Surprise/0011_001751.wav", "no name of the corpus"),
        ("0011/0011_000352.wav", "no name of the corpus"),
    ],
)
def test_a_file_in_the_wrong_place_stops_it(tmp_path, build, run, name, message):
    root = build(tmp_path / "esd", ["0011/Angry/0011_000351.wav", name])
    with pytest.raises(InputError, match=f"1 files that are not part(.|\n)*{message}"):
        run("esd", root, tmp_path / "data", allow_missing=35000)


def test_the_sample(tmp_path, shared, run, capsys):
    with pytest.raises(InputError, match="92 utterances found, 35000 published(.|\n)*34908 are missing"):
        run("esd", shared("esd-sample"), tmp_path / "data")
    prepared = run("esd", shared("esd-sample"), tmp_path / "data", allow_missing=34908).check()
    said = capsys.readouterr().out
    assert "34908 of 35000 utterances are missing" in said and "0001_000001.wav" in said
    assert "fold 2: test speakers 0012 0014 0015 are not there" in said
    assert len(prepared["all"].utterances()) == 92 and len(prepared.listed("all", "missing")) == 34908
    assert prepared["fold4/test"].read("utt2emo")["0013-000716"] == "happy"
    assert list(prepared["fold5/test"].read("spk2utt")) == ["0010"]

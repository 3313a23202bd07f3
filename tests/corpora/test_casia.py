"""CASIA: the whole corpus with its junk, and the naming of other copies."""

import os

import pytest

from c2ser.errors import InputError

CLASSES = ("angry", "fearful", "happy", "neutral", "sad", "surprised")
OTHER = [
    f"相同文本300/{speaker}/{emotion}/{number}.wav"
    for speaker in ("Chang.Liu", "Quanyin.Zhao", "Zhe.Wang", "Zuoxiang.Zhao")
    for emotion in ("angry", "fear", "happy", "normal", "sad", "surprise")
    for number in range(201, 251)
]  # fmt: skip


def transcript(encoding):
    return "".join(f"{number}. 第{number} 句。 \r\n" for number in range(201, 251)).encode(encoding)


def test_the_whole_corpus(tmp_path, shared, run):
    prepared = run("casia", shared("casia"), tmp_path).check()
    assert prepared.classes("all") == dict.fromkeys(CLASSES, 200)
    for fold, speaker in enumerate(("wangzhe", "zhaozuoxiang", "liuchanhg", "zhaoquanyin"), 1):
        assert prepared.classes(f"fold{fold}/train") == dict.fromkeys(CLASSES, 150)
        assert prepared.classes(f"fold{fold}/test") == dict.fromkeys(CLASSES, 50)
        assert list(prepared[f"fold{fold}/test"].read("spk2utt")) == [speaker]
    data = prepared["all"]
    assert [data.read("text")[f"zhaozuoxiang-sad-{number}"] for number in (201, 247)] == [
        "就是下雨也去。",
        "职员完成任务",
    ]
    assert data.read("wav.scp")["zhaozuoxiang-sad-201"].endswith("casia/ZhaoZuoxiang/sad/201.wav")
    assert set(data.read("utt2lang").values()) == {"zh"} and not data.has("suspicious")
    assert sorted(os.path.basename(path) for path in prepared.listed("all", "excluded")) == ["201.wav", "202.wav"]
    assert sum(float(seconds) for seconds in data.read("utt2dur").values()) / 3600 == pytest.approx(0.635, abs=0.001)


@pytest.mark.parametrize("encoding, place", [("gb18030", "."), ("utf-8-sig", "相同文本300")])
def test_the_naming_of_other_copies(tmp_path, build, run, encoding, place):
    root = build(tmp_path / "CASIA", OTHER)
    (root / place / "��ͬ.TXT").write_bytes(transcript(encoding))
    (root / place / "0readme.txt").write_text("nothing here\n")
    prepared = run("casia", root, tmp_path / "data").check()
    assert prepared.classes("all") == dict.fromkeys(CLASSES, 200)
    assert prepared["all"].read("text")["liuchanhg-neutral-250"] == "第250句。"
    assert list(prepared["fold2/test"].read("spk2utt")) == ["zhaozuoxiang"]


def test_an_absent_transcript_stops_a_whole_copy_unless_it_is_allowed(tmp_path, build, run):
    root = build(tmp_path / "CASIA", OTHER)
    with pytest.raises(InputError, match="1200 utterances without a transcript(.|\n)*--allow_missing 1200"):
        run("casia", root, tmp_path / "data")
    prepared = run("casia", root, tmp_path / "data", allow_missing=1200, dev_speakers=0).check()
    assert not prepared["all"].has("text") and len(prepared.listed("all", "suspicious")) == 1200
    assert prepared.sets() == ["all", *sorted(f"fold{k}/{part}" for k in range(1, 5) for part in ("test", "train"))]


@pytest.mark.parametrize(
    "name", ["Chang.Liu/angry/251.wav", "Chang.Liu/bored/201.wav", "Chang.Liu/201.wav", "Chang.Liu/angry/201.mp3"]
)
def test_a_file_too_many_stops_it(tmp_path, build, run, name):
    root = build(tmp_path / "CASIA", [*OTHER, f"相同文本300/{name}"])
    with pytest.raises(InputError, match=f"1 files that are not part(.|\n)*{name}"):
        run("casia", root, tmp_path / "data", allow_missing=1200)


def test_both_namings_at_once_are_told_apart_from_more_data(tmp_path, build, run):
    root = build(tmp_path / "CASIA", OTHER)
    build(root / "相同文本300", ["liuchanhg/fear/203.wav"])
    with pytest.raises(InputError, match="a second copy of"):
        run("casia", root, tmp_path / "data")

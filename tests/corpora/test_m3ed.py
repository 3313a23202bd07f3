"""M3ED: its label table made into the published layout, with all 24,437 names."""

import json

import pytest

from c2ser.corpora import m3ed
from c2ser.errors import InputError
from tests.media import write_wav

CLASSES = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")
COUNTS = {
    "train": (3814, 1145, 280, 1625, 7126, 2734, 696),
    "dev": (681, 134, 50, 303, 1042, 489, 120),
    "test": (736, 218, 65, 358, 1853, 734, 234),
}


def timecode(seconds):
    whole, frames = divmod(round(seconds * 25), 25)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}:{frames:02}"


def annotation(table):
    """annotation.json of a label table: names are whole in its keys, as in the published file."""
    tree = {}
    for key, file, seconds, speaker, label, _ in table:
        series, dialogue, _ = key.split("_")
        entry = tree.setdefault(series, {}).setdefault(f"{series}_{dialogue}", {"SpeakerInfo": {}, "Dialog": {}})
        letter, name = file[0], speaker.removeprefix(f"{series}_")
        gender = "female" if letter == "A" else "male"
        entry["SpeakerInfo"][letter] = {"Name": name, "Age": "mid", "Gender": gender, "OtherName": []}
        labels = {"EmoAnnotator1": label, "final_mul_emo": f"{label}, Sad", "final_main_emo": label}
        entry["Dialog"][key] = {
            "StartTime": timecode(60), "EndTime": timecode(60 + float(seconds)), "Text": f"第 {key} 句",
            "Speaker": letter, "EmoAnnotation": labels,
        }  # fmt: skip
    return tree


@pytest.fixture(scope="module")
def table(shared):
    lines = (shared("m3ed-labels") / "labels.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t") for line in lines]


@pytest.fixture(scope="module")
def tree(tmp_path_factory, build, shared, table):
    """Durations are rounded to tenths of a second, so that a few files serve them all."""
    root = tmp_path_factory.mktemp("m3ed") / "M3ED"
    lengths = {round(max(float(row[2]), 0.1), 1) for row in table}
    sources = {length: write_wav(root / "made" / f"{length}.wav", length) for length in lengths}
    for length, source in sources.items():
        same = [row[1] for row in table if round(max(float(row[2]), 0.1), 1) == length]
        build(root / "M3ED-main" / "modality_speech", same, source=source)
    (root / "M3ED-main" / "annotation.json").write_text(json.dumps(annotation(table), ensure_ascii=False), "utf-8")
    (root / "splitInfo").symlink_to(shared("m3ed-labels") / "splitInfo")
    return root


def test_all_utterances(tree, tmp_path, run, table):
    prepared = run("m3ed", tree, tmp_path).check()
    for split, counts in COUNTS.items():
        assert prepared.classes(split) == dict(zip(CLASSES, counts))
    sizes = {name: len(prepared[name].utterances()) for name in prepared.sets()}
    assert sizes == {"all": 24437, "train": 17420, "dev": 2819, "test": 4198}
    data = prepared["all"]
    speakers, emotions, text = data.read("utt2spk"), data.read("utt2emo"), data.read("text")
    assert (
        speakers["nishiwodeyan_阿霞-" + next(r[0] for r in table if r[3] == "nishiwodeyan_ 阿霞")]
        == "nishiwodeyan_阿霞"
    )
    assert speakers["shaonianpai_王胜男-shaonianpai_1_1"] == "shaonianpai_王胜男" and len(set(speakers.values())) == 635
    assert emotions["shaonianpai_林大为-shaonianpai_1_2"] == "surprised"
    assert text["shaonianpai_林大为-shaonianpai_1_2"] == "第 shaonianpai_1_2 句"
    series = {name: {key.rsplit("-", 1)[1].split("_")[0] for key in prepared[name].utterances()} for name in COUNTS}
    assert {name: len(members) for name, members in series.items()} == {"train": 38, "dev": 7, "test": 11}
    assert set(data.read("spk2gender").values()) == {"m", "f"} and not data.has("suspicious")


@pytest.fixture
def small(tmp_path):
    """Two dialogues of two series, keys as bare numbers; returns the root and its annotation."""
    root = tmp_path / "m3ed"
    entry = {
        "SpeakerInfo": {"A": {"Name": " 阿霞", "Gender": "female"}, "B": {"Name": "Jeanette Sue"}},
        "Dialog": {
            "1": {"StartTime": "00:00:00:01", "EndTime": "00:00:01:04", "Text": "你好 吗", "Speaker": "A",
                  "EmoAnnotation": {"final_main_emo": "Happy"}},
            "2": {"StartTime": "00:00:01:04", "EndTime": "00:00:03:04", "Text": "好", "Speaker": "B",
                  "EmoAnnotation": {"final_main_emo": "Disgust"}},
        },
    }  # fmt: skip
    tree = {"one": {"1": entry}, "two": {"1": json.loads(json.dumps(entry))}}
    for split, series in (("train", "one\nthree"), ("val", "two"), ("test", "four")):
        (root / "splitInfo").mkdir(parents=True, exist_ok=True)
        (root / "splitInfo" / f"movie_list_{split}.txt").write_text(series)
    for series in tree:
        write_wav(root / "modality_speech" / f"A_{series}_1_1.wav", 1.1)
        write_wav(root / "modality_speech" / f"B_{series}_1_2.wav", 2.0)
    return root, tree


def read(root, tree):
    (root / "annotation.json").write_text(json.dumps(tree, ensure_ascii=False), "utf-8")
    return m3ed.read(root)


def test_bare_keys_blank_names_and_missing_line_ends(small):
    reading = read(*small)
    assert [(u.id, u.split, u.emotion, u.gender, u.announced) for u in reading.utterances] == [
        ("one_阿霞-one_1_1", "train", "happy", "f", pytest.approx(1.12)),
        ("one_Jeanette_Sue-one_1_2", "train", "disgusted", None, pytest.approx(2.0)),
        ("two_阿霞-two_1_1", "dev", "happy", "f", pytest.approx(1.12)),
        ("two_Jeanette_Sue-two_1_2", "dev", "disgusted", None, pytest.approx(2.0)),
    ]


def test_a_name_with_a_blank_in_front_is_the_same_speaker(small):
    root, tree = small
    tree["one"]["2"] = json.loads(json.dumps(tree["one"]["1"]))
    tree["one"]["2"]["SpeakerInfo"]["A"]["Name"] = "阿霞"
    write_wav(root / "modality_speech" / "A_one_2_1.wav", 1.1)
    assert [u.speaker for u in read(root, tree).utterances if u.id.endswith("_1")] == [*["one_阿霞"] * 2, "two_阿霞"]


def test_rows_without_files_and_files_without_rows_are_told_apart(small):
    root, tree = small
    (root / "modality_speech" / "A_one_1_1.wav").rename(root / "modality_speech" / "B_one_1_1.wav")
    reading = read(root, tree)
    assert [note.name for note in reading.missing] == ["A_one_1_1.wav"] and len(reading.utterances) == 3
    assert [note.reason for note in reading.excluded] == ["no row in annotation.json"]


def test_a_file_much_longer_than_annotated_is_suspicious(small, tmp_path, run):
    root, tree = small
    write_wav(root / "modality_speech" / "A_one_1_1.wav", 2.5)
    tree["two"]["1"]["Dialog"]["2"]["EndTime"] = "later"
    read(root, tree)
    prepared = run("m3ed", root, tmp_path / "data", allow_missing=24433).check()
    assert prepared.listed("all", "suspicious") == {
        "one_阿霞-one_1_1": "2.50 s long, but annotated as 1.12 s",
        "two_Jeanette_Sue-two_1_2": "2.00 s long, but annotated as 0.00 s",
    }
    assert prepared["all"].read("spk2gender") == {"one_阿霞": "f", "two_阿霞": "f"}


def test_times_count_frames():
    assert m3ed.seconds_of("01:02:03:05") == pytest.approx(3723.2)
    with pytest.raises(ValueError):
        m3ed.seconds_of("00:00:01")


def damage_label(root, tree):
    tree["one"]["1"]["Dialog"]["1"]["EmoAnnotation"]["final_main_emo"] = "Joyous"


def damage_field(root, tree):
    del tree["one"]["1"]["Dialog"]["1"]["Text"]


def damage_speaker(root, tree):
    tree["one"]["1"]["Dialog"]["1"]["Speaker"] = "C"


def damage_series(root, tree):
    tree["five"] = tree["two"]


def damage_lists(root, tree):
    (root / "splitInfo" / "movie_list_test.txt").write_text("four\none")


def damage_layout(root, tree):
    tree["one"]["1"] = []


def drop_list(root, tree):
    (root / "splitInfo" / "movie_list_val.txt").unlink()


def drop_speech(root, tree):
    (root / "modality_speech").rename(root / "speech")


@pytest.mark.parametrize(
    "damage, message",
    [
        (damage_label, "annotation.json: one_1_1: unknown emotion label 'Joyous'"),
        (damage_field, "annotation.json: one_1_1: a field is absent or of another kind: 'Text'"),
        (damage_speaker, "annotation.json: one_1_1: a field is absent or of another kind: 'C'"),
        (damage_series, "series five stands in no list"),
        (damage_lists, "movie_list_test.txt: one stands in the list of train too"),
        (damage_layout, "annotation.json: not laid out as series, dialogue"),
        (drop_list, "movie_list_val.txt: no such file"),
        (drop_speech, "holds no modality_speech/"),
    ],
)
def test_damage_is_named(small, damage, message):
    root, tree = small
    damage(root, tree)
    with pytest.raises(InputError, match=message):
        read(root, tree)


def test_what_is_no_json_is_refused(small):
    root, _ = small
    (root / "annotation.json").write_text("{")
    with pytest.raises(InputError, match="annotation.json: not JSON"):
        m3ed.read(root)

"""Emo-Emilia: the real list with a tree of all 1,400 names."""

import json
import shutil

import pytest

from c2ser.corpora import emo_emilia
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError

LIST = "Emo-Emilia-ALL.jsonl"


@pytest.fixture(scope="module")
def entries(shared):
    return [json.loads(line) for line in (shared("emo-emilia") / LIST).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("place", ["wav", "Emo-Emilia/wav"])
def test_all_utterances_for_testing_only(tmp_path, build, shared, run, entries, place):
    root = build(tmp_path / "emilia", [f"{place}/{entry['index']}.wav" for entry in entries])
    shutil.copy(shared("emo-emilia") / LIST, root)
    prepared = run("emo_emilia", tmp_path, tmp_path / "data").check()
    assert prepared.sets() == ["all", "test"] and prepared.classes("test") == dict.fromkeys(EMOTIONS, 200)
    data = prepared["test"]
    language, emotion, text = data.read("utt2lang"), data.read("utt2emo"), data.read("text")
    for entry in entries:
        assert language[entry["index"]] == {"ZH": "zh", "EN": "en"}[entry["index"][:2]]
        assert emotion[entry["index"]] == entry["emotion"] and text[entry["index"]] == " ".join(entry["text"].split())
    assert sum(value == "zh" for value in language.values()) == 700 and len(set(text.values())) == 1378
    assert data.read("utt2spk") == {utterance: utterance for utterance in language}


def test_lines_without_files_and_files_without_lines(tmp_path, build, shared, run, entries):
    names = [f"wav/{entry['index']}.wav" for entry in entries if entry["index"] != "ZH_B00090_S00350_W000000"]
    root = build(tmp_path / "emilia", [*names, "wav/EN_B99999_S00000_W000000.wav"])
    shutil.copy(shared("emo-emilia") / LIST, root)
    with pytest.raises(InputError, match="zh angry: expected 100, found 99(.|\n)*ZH_B00090_S00350_W000000.wav: a line"):
        run("emo_emilia", root, tmp_path / "data")
    prepared = run("emo_emilia", root, tmp_path / "data", allow_missing=1).check()
    assert len(prepared["test"].utterances()) == 1399
    assert list(prepared.listed("test", "excluded").values()) == [f"no line in {LIST}"]
    assert list(prepared.listed("test", "missing").values()) == ["a line without a file"]


@pytest.mark.parametrize(
    "line, message",
    [
        ('{"index": "ZH_1", "emotion": "angry"}', "expected an object with index, emotion, wav and text"),
        ("{", "expected an object"),
        ('{"index": "ZH_1", "emotion": "cross", "text": "x"}', "unknown emotion label 'cross'"),
        ('{"index": "FR_1", "emotion": "angry", "text": "x"}', "FR_1: an index starts with ZH_ or EN_"),
        ('{"index": "ZH_0", "emotion": "angry", "text": "x"}', "ZH_0: a second line"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, message):
    first = '{"index": "ZH_0", "emotion": "angry", "text": "x"}'
    (tmp_path / LIST).write_text(f"{first}\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{LIST}:2: {message}"):
        emo_emilia.read(tmp_path)

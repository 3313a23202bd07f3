"""The emotion read out of transcripts."""

import json

import pytest

from c2ser.bin import cascade
from c2ser.datadir import read_table, write_table
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.evaluation.predictions import read_posteriors, read_set
from c2ser.silver.text_teacher import ChatTeacher, classify, load_teacher
from tests.closeness import nearly
from tests.silver.test_text_teacher import Killed, killed_after

WORDS = {"a-1": "Thank you very much.", "a-2": "", "b-1": "So slowly", "b-2": "...", "b-3": "谢谢"}


@pytest.fixture
def words(tmp_path):
    write_table(tmp_path / "asr/text.asr", WORDS)
    return tmp_path / "asr/text.asr"


def run(test_set, text, llm_dir, out, *options):
    argv = ["--data_dir", test_set.path, "--text", text, "--model", llm_dir, "--out_dir", out, *options]
    cascade.main([str(word) for word in argv])
    return {utterance: row.tolist() for utterance, row in read_posteriors(out)[1].items()}


def test_every_utterance_is_answered(test_set, words, llm_dir, tmp_path):
    (words.parent / "transcribe.json").write_text('{"without_words": 1}')
    rows = run(test_set, words, llm_dir, tmp_path / "out")
    languages = dict.fromkeys(WORDS, "en") | {"b-3": "zh"}
    judged, _ = classify(load_teacher(llm_dir), WORDS, languages, 1)
    assert set(judged) == {"a-1", "b-1", "b-3"}
    predicted = read_table(tmp_path / "out/utt2pred")
    for utterance, row in judged.items():
        assert rows[utterance] == nearly(row)
        assert predicted[utterance] == EMOTIONS[row.index(max(row))]
    for utterance in ("a-2", "b-2"):
        assert predicted[utterance] == "<invalid>" and rows[utterance] == nearly([1 / 7] * 7)
    reason = "no words in its transcript"
    assert (tmp_path / "out/excluded").read_text() == f"a-2\t{reason}\nb-2\t{reason}\n"
    account = json.loads((tmp_path / "out/decode.json").read_text())
    assert account["peak_memory_bytes"] > 50e6 and "thread" in account["device"]
    assert account["mode"] == "text-only cascade" and account["invalid"] == 2 and account["languages"] == ["en", "zh"]
    assert account["transcription"] == {"without_words": 1}
    assert read_set(test_set.path, tmp_path / "out").predicted == [predicted[key] for key in WORDS]


def test_the_batch_changes_nothing_and_the_classes_can_be_fewer(test_set, words, llm_dir, tmp_path):
    together, alone = (
        run(test_set, words, llm_dir, tmp_path / size, "--batch_size", size, "--labels", "sad", "happy")
        for size in ("3", "1")
    )
    assert together == {utterance: nearly(row) for utterance, row in alone.items()}
    assert (tmp_path / "1/labels").read_text() == "happy\nsad\n"
    assert json.loads((tmp_path / "1/decode.json").read_text())["transcription"] is None


def test_a_killed_run_goes_on_as_if_unbroken(test_set, words, llm_dir, tmp_path, monkeypatch):
    whole = run(test_set, words, llm_dir, tmp_path / "whole", "--batch_size", "1")
    sizes = killed_after(monkeypatch, ChatTeacher, 2)
    with pytest.raises(Killed):
        run(test_set, words, llm_dir, tmp_path / "out", "--batch_size", "1")
    monkeypatch.undo()
    sizes = killed_after(monkeypatch, ChatTeacher, 9)
    made = run(test_set, words, llm_dir, tmp_path / "out", "--batch_size", "1")
    assert made == {utterance: nearly(row) for utterance, row in whole.items()} and sizes == [1]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


def test_what_does_not_fit_is_named(test_set, words, llm_dir, tmp_path):
    def refused(message, *options, text=words):
        with pytest.raises(InputError, match=message):
            run(test_set, text, llm_dir, tmp_path / "out", *options)
        assert not (tmp_path / "out").exists()

    refused("--batch_size 0", "--batch_size", "0")
    refused("--labels sad: at least two", "--labels", "sad")
    refused("--language fi: there are questions in", "--language", "fi")
    write_table(tmp_path / "part", {"a-1": "Hello"})
    refused(r"part: no entry for 4 utterances \(a-2, ", text=tmp_path / "part")
    write_table(tmp_path / "empty", dict.fromkeys(WORDS, ""))
    refused("empty: no transcript that can be judged", text=tmp_path / "empty")
    (words.parent / "transcribe.json").write_text("{")
    refused("transcribe.json: not JSON")

"""What a training reads: the same utterances in every table, and a reason for each that is left out."""

import pytest

from c2ser.bin import make_inputs
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError

LENGTHS = {"a": 16000, "b": 48000, "c": 480000, "d": 800, "e": 1600, "f": 464000, "g": 16000, "h": 16000}
"""c is too long, d too short; e and f lie just on the limits."""


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    write_table(folder / "utt2spk", dict.fromkeys(LENGTHS, "s"))
    emotions = {"a": "surprised", "b": "angry", "c": "sad", "e": "bored", "f": "unknown", "g": "sad"}
    write_table(folder / "utt2emo", emotions)
    write_table(folder / "cot_explicit", {key: f"long {key}" for key in LENGTHS if key != "g"})
    write_table(folder / "cot_implicit", {key: key if key != "h" else "" for key in LENGTHS})
    write_table(tmp_path / "wav.scp", {key: f"/x.ark:{index}" for index, key in enumerate(LENGTHS)})
    write_table(tmp_path / "num", LENGTHS)
    write_table(tmp_path / "tokens.scp", {key: f"/t.ark:{index}" for index, key in enumerate(LENGTHS) if key != "b"})
    return tmp_path


def run(root, *more):
    argv = ["--data_dir", root / "data", "--audio_scp", root / "wav.scp", "--num_samples", root / "num"]
    make_inputs.main([str(word) for word in [*argv, "--out_dir", root / "out", *more]])
    tables = {path.name: read_table(path, path.name == "transcript") for path in (root / "out").iterdir() if path.name != "excluded"}
    excluded = dict(line.split("\t") for line in (root / "out/excluded").read_text(encoding="utf-8").splitlines())
    return tables, excluded


def test_pretraining(data):
    tables, excluded = run(data)
    assert set(tables) == {"wav.scp", "label", "speech_shape"}
    assert tables["label"] == {"a": "6", "b": "0", "e": "-1", "f": "-1", "g": "5", "h": "-1"}
    assert tables["wav.scp"] == {key: f"/x.ark:{list(LENGTHS).index(key)}" for key in tables["label"]}
    assert tables["speech_shape"] == {key: str(LENGTHS[key]) for key in tables["label"]}
    assert excluded == {"c": "30 s: outside 0.1–29.0 s", "d": "0.05 s: outside 0.1–29.0 s"}


def test_training_wants_texts_and_features(data):
    tables, excluded = run(data, "--texts", "true", "--emotion_scp", data / "tokens.scp")
    assert set(tables) == {"wav.scp", "label", "speech_shape", "explicit", "implicit", "emotion.scp"}
    assert all(list(table) == ["a", "e", "f"] for table in tables.values())
    assert tables["explicit"]["e"] == "long e" and tables["implicit"]["f"] == "f"
    assert tables["emotion.scp"]["a"] == "/t.ark:0"
    assert excluded["b"] == "no entry in emotion.scp" and excluded["g"] == "no entry in explicit"
    assert excluded["h"] == "no entry in implicit"  # an empty text is none
    assert set(excluded) == {"b", "c", "d", "g", "h"}


def test_reading_instead_of_hearing_needs_a_transcript(data):
    write_table(data / "data/text", {key: "" if key == "e" else f"words {key}" for key in LENGTHS if key != "b"})
    tables, excluded = run(data, "--texts", "true", "--transcripts", "needed")
    assert tables["transcript"] == {"a": "words a", "f": "words f"} and list(tables["label"]) == ["a", "f"]
    assert excluded["b"] == excluded["e"] == "no entry in transcript"
    tables, _ = run(data, "--texts", "true")  # who hears learns from those without one too
    assert tables["transcript"] == {"a": "words a", "b": "", "e": "", "f": "words f"}


def test_limits(data):
    tables, excluded = run(data, "--min_seconds", "2", "--max_seconds", "40")
    assert list(tables["label"]) == ["b", "c", "f"] and len(excluded) == 5


def test_data_without_labels(data):
    (data / "data/utt2emo").unlink()
    assert set(run(data)[0]["label"].values()) == {"-1"}


def test_languages_where_they_are_known(data):
    write_table(data / "data/utt2lang", {"a": "en", "b": "zh", "c": "zh", "e": "en", "f": "pl", "g": "en"})
    wanted = {"a": "en", "b": "zh", "e": "en", "f": "pl", "g": "en", "h": "und"}
    assert run(data)[0]["language"] == wanted


def test_the_corpus_of_each_where_several_are_joined(data):
    write_table(data / "data/utt2corpus", {key: "casia" if key < "c" else "emovo" for key in LENGTHS})
    tables, _ = run(data)
    assert tables["corpus"] == {key: "casia" if key < "c" else "emovo" for key in tables["label"]}


def test_nothing_left_is_a_fault(data):
    with pytest.raises(InputError, match="no utterance is left to train on; see the limits"):
        run(data, "--min_seconds", "50")
    assert not (data / "out").exists()


def test_silver_labels_fill_gaps_and_never_replace(data):
    write_table(data / "data/utt2emo.silver", {"a": "angry", "f": "happy", "h": "sad", "stranger": "sad"})
    assert run(data)[0]["label"]["f"] == "-1"  # not unless asked for
    labels = run(data, "--silver", "true")[0]["label"]
    assert labels == {"a": "6", "b": "0", "e": "-1", "f": "3", "g": "5", "h": "5"}


def test_silver_labels_must_be_there(data):
    with pytest.raises(InputError, match="utt2emo.silver: no such file; make it with c2ser make-silver"):
        run(data, "--silver", "true")


def test_transcripts_for_a_system_that_reads(data):
    write_table(data / "data/text", {"a": "hello you", "e": "", "f": "yes"})
    tables, _ = run(data, "--texts", "true")
    assert {"a": "hello you", "e": ""}.items() <= tables["transcript"].items()

"""The manifest at the end of stage 11."""

import pytest

from c2ser.bin import make_bundle
from c2ser.datadir import write_table
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle


def run(root, *more):
    write_table(root / "train/utt2emo", {"a": "sad", "b": "angry", "c": "bored", "d": "sad"})
    for name in ("llm/config.json", "small.pt", "e/config.yaml", "e/model.pth", "x/config.yaml", "x/model.pth"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    argv = ["--train_dir", root / "train", "--llm", root / "llm", "--out_dir", root / "exp/fold1"]
    explicit = ["--mode", "explicit", root / "x/config.yaml", root / "x/model.pth"]
    make_bundle.main([str(word) for word in [*argv, *more, *explicit]])
    return Bundle.read(root / "exp/fold1")


def test_everything(tmp_path):
    emotion = ["--emotion_config", tmp_path / "e/config.yaml", "--emotion_checkpoint", tmp_path / "e/model.pth"]
    implicit = ["--mode", "implicit", tmp_path / "x/config.yaml", tmp_path / "x/model.pth"]
    more = ["--whisper", tmp_path / "small.pt", "--utterance_mode", "mean", "--language", "pl", "--name", "hlasy: base"]
    bundle = run(tmp_path, *emotion, *implicit, *more)
    assert bundle.name == "hlasy: base"
    assert bundle.labels == ["angry", "sad"]  # in the order of the classes; what is none of them is left out
    assert bundle.languages == ["pl"] and bundle.whisper == tmp_path / "small.pt" and bundle.llm == tmp_path / "llm"
    files = {"config": tmp_path / "e/config.yaml", "checkpoint": tmp_path / "e/model.pth"}
    assert bundle.emotion == {**files, "utterance_mode": "mean"}
    files = {"config": tmp_path / "x/config.yaml", "checkpoint": tmp_path / "x/model.pth"}
    assert bundle.modes == {"implicit": files, "explicit": files}


def test_ablations(tmp_path):
    bundle = run(tmp_path)
    assert bundle.whisper is None and bundle.emotion is None and list(bundle.modes) == ["explicit"]
    assert bundle.languages == ["en"] and bundle.name == "fold1"


def test_languages_are_those_of_the_training_answers(tmp_path):
    """Of the utterances that have answers, the most frequent first."""
    write_table(tmp_path / "train/utt2lang", {"a": "en", "b": "zh", "c": "it", "d": "zh"})
    write_table(tmp_path / "train/cot_implicit", {"a": "Emotion: sad.", "b": "情绪：愤怒。", "d": "情绪：悲伤。"})
    assert run(tmp_path, "--language", "auto").languages == ["zh", "en"]
    write_table(tmp_path / "train/utt2lang", {"a": "en", "c": "it", "d": "zh"})
    with pytest.raises(InputError, match="utt2lang: no entry for b; rerun stage 4"):
        run(tmp_path, "--language", "auto")

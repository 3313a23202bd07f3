"""What a C2SER training needs, what is said where it is missing, and trainings of every ablation."""

import argparse

import numpy as np
import pytest
import torch

from c2ser.cot import templates
from c2ser.datadir import read_table, write_table
from c2ser.errors import InputError
from c2ser.models.language_model import answer_ids, transcript_ids
from c2ser.tasks.c2ser import C2SERTask
from c2ser.tasks.c2ser_inputs import Tokenize, check_entries, needed_data
from tests.builders import BACKBONE, task_config

LABELS = ["angry", "disgusted"]
BASE = {"whisper": "w.pt", "emotion_dim": 24, "model_conf": {"train_mode": "explicit_to_implicit"}}


def configured(**values):
    return argparse.Namespace(**task_config(C2SERTask, **{**BASE, **values}))


def tokenize(tokenizer, part="train", **values):
    return Tokenize(tokenizer, configured(**values), part)


def data(**values):
    given = {
        "speech": np.array([-32768.0, 0.0, 16384.0], np.float32), "emotion": np.ones((10, 24), np.float32),
        "explicit": "Low. Emotion: sad.", "implicit": "Emotion: sad.",
    }  # fmt: skip
    return {**given, **values}


ABLATIONS = {
    "whole": ({}, {"implicit", "explicit", "speech", "emotion"}),
    "no Whisper": ({"whisper": None}, {"implicit", "explicit", "emotion"}),
    "no Emotion2Vec-S": ({"emotion_dim": 0}, {"implicit", "explicit", "speech"}),
    "no chain of thought": ({"answers": "label"}, {"implicit", "speech", "emotion"}),
    "text only": ({"text_only": True}, {"implicit", "explicit", "transcript"}),
    "stage 1": ({"model_conf": {"train_mode": "explicit"}}, {"implicit", "explicit", "speech", "emotion"}),
    "verdicts": ({"model_conf": {"train_mode": "implicit"}}, {"implicit", "speech", "emotion"}),
    "taught": (
        {"model_conf": {"train_mode": "implicit", "kl_weight": 0.1}}, {"implicit", "speech", "emotion", "teacher"},
    ),
    "by speaker": (
        {"model_conf": {"train_mode": "implicit", "standardize": "speaker"}},
        {"implicit", "speech", "emotion", "speaker_frames", "speaker_emotion"},
    ),
    "by speaker, one encoder": (
        {"model_conf": {"train_mode": "implicit", "standardize": "speaker"}, "whisper": None},
        {"implicit", "emotion", "speaker_emotion"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_each_ablation_needs_its_own_data(ablation):
    values, wanted = ABLATIONS[ablation]
    assert set(needed_data(configured(**values), "train")) == wanted


def test_development_sets_are_answered_implicitly_and_have_no_teacher():
    values = {"model_conf": {"train_mode": "explicit_to_implicit", "kl_weight": 1}}
    assert set(needed_data(configured(**values), "valid")) == {"implicit", "speech", "emotion"}


def test_texts_become_ids_and_samples_are_scaled(tokenizer):
    made = tokenize(tokenizer)("utt", data(transcript="Thank you."))
    assert made["speech"].tolist() == [-1.0, 0.0, 0.5]
    for name in ("explicit", "implicit"):
        assert made[name].tolist() == answer_ids(tokenizer, data()[name]) and made[name].dtype == np.int64
    assert (
        made["transcript"].tolist() == transcript_ids(tokenizer, "Thank you.") and made["transcript"].dtype == np.int64
    )
    assert tokenizer.decode(made["transcript"]) == "Thank you." and tokenizer.eos_token_id not in made["transcript"]
    assert set(made) == {"speech", "explicit", "implicit", "emotion", "transcript"}


def test_the_teacher_comes_with_the_language_of_the_answer(tokenizer):
    prepare = tokenize(tokenizer, teacher_labels=LABELS)
    for language in templates.languages():
        answer = templates.load(language).implicit_answer("sad")
        made = prepare("utt", data(implicit=answer, teacher=np.array([0.25, 0.75])))
        assert made["language"].tolist() == [templates.languages().index(language)]
        assert made["teacher"].tolist() == [0.25, 0.75]


FAULTS = {
    "narrow features": (
        {"emotion": np.ones((10, 23), np.float32)},
        r"emotion.scp: utt: features of shape \(10, 23\); emotion_dim",
    ),
    "pooled features": ({"emotion": np.ones(24, np.float32)}, r"emotion.scp: utt: features of shape \(24,\)"),
    "features that are no numbers": (
        {"emotion": np.full((10, 24), np.nan, np.float32)},
        "emotion.scp: utt: .*not finite",
    ),
    "empty text": ({"explicit": " "}, "explicit: utt: the text has no words"),
    "too few classes": ({"teacher": np.array([1.0])}, r"teacher: utt: \(1,\) values; teacher_labels has 2"),
    "negative": ({"teacher": np.array([1.0, -0.1])}, r"teacher: utt: \[1.0, -0.1\] are no probabilities"),
    "all nothing": ({"teacher": np.array([0.0, 0.0])}, "are no probabilities"),
    "other verdicts": ({"teacher": np.array([1.0, 0.0]), "implicit": "sad!"}, "implicit: utt: 'sad!' is no verdict"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_name_file_and_utterance(tokenizer, fault):
    values, words = FAULTS[fault]
    files = [("inputs/emotion.scp", "emotion", "kaldi_ark"), ("inputs/explicit", "explicit", "text")]
    prepare = tokenize(tokenizer, teacher_labels=LABELS, train_data_path_and_name_and_type=files)
    with pytest.raises(InputError, match=words):
        prepare("utt", data(**values))


def test_features_of_any_width_where_none_are_wanted(tokenizer):
    assert tokenize(tokenizer, emotion_dim=0)("utt", data(emotion=np.ones((3, 5))))["emotion"].shape == (3, 5)


def test_entries_that_are_missing_are_counted_and_named(tmp_path):
    write_table(tmp_path / "implicit", {"a": "yes", "b": "", "d": "no"})
    check_entries(tmp_path / "implicit", ["a", "d"], "shape")
    with pytest.raises(
        InputError, match="implicit: no entry, or an empty one, for 2 utterances of shape: b, c; leave them out"
    ):
        check_entries(tmp_path / "implicit", ["a", "b", "c", "d"], "shape")


def without(command, name):
    """A command line without the data of that name."""
    pairs = list(zip(command[::2], command[1::2]))
    return [word for pair in pairs if f",{name}," not in pair[1] for word in pair]


def test_data_that_is_not_given_is_named_before_training(options, tmp_path):
    from c2ser.bin import train_c2ser

    for name, reason in (
        ("emotion", "emotion_dim: 24"),
        ("speech", "whisper"),
        ("explicit", "train_mode: explicit_to_implicit"),
    ):
        with pytest.raises(InputError, match=f"{reason} needs data `{name}`: add --train_data_path_and_name_and_type"):
            train_c2ser.main(without(options("c2ser", tmp_path, 1), name))
    command = options("c2ser", tmp_path, 1, model_conf={"train_mode": "implicit", "kl_weight": 1.0})
    with pytest.raises(InputError, match="kl_weight: needs --teacher_labels"):
        train_c2ser.main(command)
    with pytest.raises(InputError, match="kl_weight: 1.0 needs data `teacher`"):
        train_c2ser.main([*command, "--teacher_labels", "angry,disgusted"])


def test_a_table_with_a_gap_is_named_before_training(options, inputs, tmp_path):
    from c2ser.bin import train_c2ser

    table = read_table(inputs / "train/emotion.scp")
    write_table(tmp_path / "gap.scp", {utterance: entry for utterance, entry in table.items() if utterance != "s1_03"})
    command = [
        word.replace(f"{inputs}/train/emotion.scp", f"{tmp_path}/gap.scp") for word in options("c2ser", tmp_path, 1)
    ]
    with pytest.raises(
        InputError, match="gap.scp: no entry, or an empty one, for 1 utterances of .*speech_shape: s1_03"
    ):
        train_c2ser.main(command)


@pytest.mark.parametrize(("key", "wanted"), [("align_batches", True), ("hold_connector", True), ("standardize", False)])
def test_a_warm_up_on_several_ranks_allows_unused_parameters(key, wanted, monkeypatch):
    options = configured(model_conf={key: 2}, distributed=True, unused_parameters=False, ngpu=0)
    monkeypatch.setattr("c2ser.tasks.c2ser.build_c2ser", lambda args, device: args)
    assert C2SERTask.build_model(options).unused_parameters == wanted


def test_kept_frames_are_not_augmented():
    options = configured(model_conf={"keep_frames": True}, augment={"speed": [0.9, 1.1]}, distributed=False)
    with pytest.raises(InputError, match="keep_frames: --augment would be heard once"):
        C2SERTask.build_model(options)


def test_augmented_speech_would_not_fit_its_emotion_tokens():
    augment = {"augment": {"speed": [0.9, 1.1]}, "distributed": False}
    with pytest.raises(InputError, match="emotion tokens tell of the clean ones.*--emotion_dim 0"):
        C2SERTask.build_model(configured(**augment))


def more(inputs, folder, name, kind, texts):
    """Further data of both parts, written to a folder, as command-line words; texts: utterance's number → entry."""
    words = []
    for option, part in (("train", "train"), ("valid", "dev")):
        path = folder / f"{part}_{name}"
        write_table(
            path, {utterance: texts(number) for number, utterance in enumerate(read_table(inputs / part / "label"))}
        )
        words += [f"--{option}_data_path_and_name_and_type", f"{path},{name},{kind}"]
    return words


def last(folder, epoch=1):
    return torch.load(folder / f"{epoch}epoch.pth")


def test_training_on_transcripts_alone(options, inputs, tmp_path):
    from c2ser.bin import train_c2ser

    command = options("c2ser", tmp_path, 1, text_only=True)
    command = without(without(command, "speech"), "emotion")
    train_c2ser.main([*command, *more(inputs, tmp_path, "transcript", "text", lambda number: f"Number {number}.")])
    assert {name.split(".")[0] for name in last(tmp_path / "exp")} == {"llm", "speech_ends", "batches"}


def test_training_without_chain_of_thought(options, tmp_path):
    from c2ser.bin import train_c2ser

    train_c2ser.main(without(options("c2ser", tmp_path, 1, answers="label"), "explicit"))
    assert int(last(tmp_path / "exp")["batches"]) == 4


def test_training_without_whisper_reads_no_audio(options, tmp_path):
    from c2ser.bin import train_c2ser

    train_c2ser.main(without(options("c2ser", tmp_path, 1, whisper=None), "speech"))
    assert not any(name.startswith(("encoder", "subsampler")) for name in last(tmp_path / "exp"))


def test_training_with_a_teacher(options, inputs, tmp_path):
    from espnet2.train.reporter import Reporter

    from c2ser.bin import train_c2ser

    command = options("c2ser", tmp_path, 1, model_conf={"train_mode": "implicit", "kl_weight": 0.5})
    posteriors = more(inputs, tmp_path, "teacher", "text_float", lambda number: f"0.{number}5 0.1")[
        :2
    ]  # of the training part only
    train_c2ser.main([*command, *posteriors, "--teacher_labels", "angry,disgusted"])
    reporter = Reporter()
    reporter.load_state_dict(torch.load(tmp_path / "exp/checkpoint.pth", weights_only=False)["reporter"])
    stats = reporter.stats[1]
    assert stats["train"]["loss_kl"] > 0 and "loss_kl" not in stats["valid"]
    assert stats["train"]["loss"] == pytest.approx(
        stats["train"]["loss_implicit"] + 0.5 * stats["train"]["loss_kl"], rel=1e-4
    )


def test_training_on_balanced_batches(options, tmp_path):
    from c2ser.bin import train_c2ser

    values = {"sampler": "balanced", "sampler_conf": {"by": ["label", "language"], "temperature": 2.0, "batch_size": 3}}
    train_c2ser.main(options("c2ser", tmp_path, 1, **values))
    assert int(last(tmp_path / "exp")["batches"]) == 4


def test_features_of_another_width_stop_the_training(options, tmp_path):
    from c2ser.bin import train_c2ser

    with pytest.raises(
        InputError, match=rf"emotion.scp: s1_\d+: features of shape \(10, {BACKBONE['dim']}\); emotion_dim 20"
    ):
        train_c2ser.main(options("c2ser", tmp_path, 1, emotion_dim=20))

"""Trainings that start from a frozen Whisper: killed, in two processes, unlabelled, from arks."""

import signal

import pytest
import torch

from c2ser.bin import extract_features, train_emotion2vec_s
from c2ser.errors import InputError
from c2ser.tasks.emotion2vec_s import Emotion2VecSTask
from c2ser.tasks.emotion_classifier import EmotionClassifierTask
from tests.builders import BACKBONE, PRETRAINING
from tests.tasks.test_backbone import options as backbone_options
from tests.tasks.test_midway import LONG, assert_equal, figures, in_a_process, struck
from tests.tasks.test_two_processes import STILL, fixed, two  # noqa: F401


@pytest.fixture
def conf(whisper_pt):
    return {**PRETRAINING, "teacher": f"whisper:{whisper_pt}:1,2", "teacher_updates": 4, "keep_frames": True}


def test_killed_within_the_start_it_ends_as_unbroken(conf, train, tmp_path, monkeypatch):
    config = {**LONG, "model_conf": conf}
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    work = [lambda name=name: train("emotion2vec_s", tmp_path / name, 2, **config) for name in ("whole", "broken")]
    logs = [tmp_path / name / "log" for name in ("whole", "broken")]
    assert in_a_process(work[0], logs[0]) == 0, logs[0].read_text()
    with monkeypatch.context() as patch:
        struck(patch, "emotion2vec_s", 6)
        assert in_a_process(work[1], logs[1]) == -signal.SIGKILL
    assert in_a_process(work[1], logs[1]) == 0, logs[1].read_text()
    assert_equal(tmp_path / "broken/exp", tmp_path / "whole/exp")
    told = figures(tmp_path / "broken/exp")
    assert told == figures(tmp_path / "whole/exp")
    assert (1, "valid", "explained_var") in told and (2, "valid", "loss_frm") in told
    held = torch.load(tmp_path / "broken/exp/checkpoint.pth", weights_only=False)
    count = sum(len(group["params"]) for group in held["optimizers"][0]["param_groups"])
    names = {name.split(".")[0] for name in held["model"]}
    assert names == {"student", "teacher", "decoder", "start", "updates"}
    assert count == len(held["model"]) - 1  # all but the count of updates


def test_two_processes_start_as_one(conf, train, options, tmp_path, monkeypatch):
    config = {
        "model_conf": {**conf, "teacher_updates": 2, "mask_noise": 0.0}, "backbone_conf": {**BACKBONE, **STILL},
        "num_iters_per_epoch": 4, "accum_grad": 1, "batch_size": 4, "optim": "sgd", "optim_conf": {"lr": 0.02},
        "shuffle_within_batch": False,
    }  # fmt: skip
    folders = [train("emotion2vec_s", tmp_path / "one", 1, **config)]
    folders.append(two("emotion2vec_s", options, tmp_path / "two", 1, **config))
    one, other = (torch.load(folder / "1epoch.pth") for folder in folders)
    torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-4)


def test_frames_from_stage_6_teach_as_whisper_does(conf, inputs, options, whisper_pt, tmp_path):
    """Two updates of SGD, so that only rounding parts them; unlabelled speech."""
    made = []
    for part in ("train", "dev"):
        words = ["--audio_scp", inputs / part / "wav.scp", "--num_samples", inputs / part / "speech_shape", "--checkpoint",
                 whisper_pt, "--teacher_layers", "1,2", "--out_dir", tmp_path / part, "--batch_seconds", "1"]  # fmt: skip
        extract_features.main([str(word) for word in words])
    assert (tmp_path / "train/dim").read_text() == "32\n" and not (tmp_path / "train/layers").exists()
    still = {**BACKBONE, **STILL}
    config = {"num_iters_per_epoch": 2, "accum_grad": 1, "optim": "sgd", "optim_conf": {"lr": 0.02}, "backbone_conf": still}
    first = Emotion2VecSTask.build_model(backbone_options(backbone_conf=still, model_conf=conf))
    torch.save(first.state_dict(), tmp_path / "first.pth")
    for number, teacher in enumerate((conf["teacher"], "ark:32")):
        folder = tmp_path / str(number)
        command = options("emotion2vec_s", folder, 1, **config, model_conf={**conf, "teacher": teacher})
        command = [word.replace("label,label,text_int", "speech_shape,speech_shape,text_int") for word in command]
        for part, name in (("train", "train"), ("dev", "valid")):
            at = command.index(f"--{name}_data_path_and_name_and_type", command.index(f"--{name}_shape_file") + 4)
            command[at + 1] = f"{tmp_path / part}/frames.scp,teacher_frames,kaldi_ark"
        train_emotion2vec_s.main([*command, "--init_param", str(tmp_path / "first.pth")])
        made.append(torch.load(folder / "exp/1epoch.pth"))
    torch.testing.assert_close(made[1], made[0], atol=1e-5, rtol=1e-4)
    assert (made[0]["start.predict.bias"] - first.start.predict.bias).abs().max() > 1e-3
    with pytest.raises(InputError, match="--teacher_layers: takes a Whisper file"):
        extract_features.main([str(word) for word in [*words, "--precision", "bf16"]])


def test_what_is_augmented_is_not_kept_and_no_ark_tells_of_it(conf):
    refused = ((conf, "keep_frames: --augment would be heard once"), ({"teacher": "ark:4"}, "teacher: ark tells"))
    for changed, message in refused:
        args = backbone_options(backbone_conf=BACKBONE, model_conf={**PRETRAINING, **changed}, augment={"speed": [0.9]})
        with pytest.raises(InputError, match=message):
            Emotion2VecSTask.build_model(args)


@pytest.mark.parametrize(("task", "own"), [(Emotion2VecSTask, PRETRAINING), (EmotionClassifierTask, {})])
def test_a_teacher_that_would_not_be_heard_is_refused(task, own):
    with pytest.raises(InputError, match="teacher 'ark:4' without teacher_updates"):
        task.build_model(backbone_options(backbone_conf=BACKBONE, model_conf={**own, "teacher": "ark:4"}))

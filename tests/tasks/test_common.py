"""Collating and preprocessing of both tasks."""

import numpy as np
import pytest
import torch

from c2ser.errors import InputError
from c2ser.tasks.c2ser import C2SERTask
from c2ser.tasks.common import collate
from c2ser.tasks.emotion2vec_s import Emotion2VecSTask, scale_speech
from tests.builders import task_config


def test_collate_pads_floats_with_zero_and_integers_with_minus_one():
    emotion = np.ones((2, 3), np.float32)
    first = {"speech": np.array([1.0, 2.0, 3.0], np.float32), "ids": np.array([4]), "emotion": emotion}
    second = {"speech": np.array([5.0], np.float32), "ids": np.array([6, 7]), "emotion": emotion}
    utterances, padded = collate([("a", first), ("b", second)])
    assert utterances == ["a", "b"]
    assert padded["speech"].tolist() == [[1, 2, 3], [5, 0, 0]] and padded["speech"].dtype == torch.float32
    assert padded["ids"].tolist() == [[4, -1], [6, 7]] and padded["ids"].dtype == torch.int64
    assert padded["emotion"].shape == (2, 2, 3)
    lengths = {name: padded[f"{name}_lengths"].tolist() for name in ("speech", "ids", "emotion")}
    assert lengths == {"speech": [3, 1], "ids": [1, 2], "emotion": [2, 2]}
    assert len(padded) == 6


def test_collate_is_what_both_tasks_use():
    for task in (C2SERTask, Emotion2VecSTask):
        assert task.build_collate_fn(None, train=True) is collate


def test_sixteen_bit_samples_are_scaled():
    data = {"speech": np.array([-32768.0, 0.0, 16384.0], np.float32), "label": np.array([3])}
    assert scale_speech("utt", data)["speech"].tolist() == [-1.0, 0.0, 0.5]
    assert scale_speech("utt", data)["label"].tolist() == [3]
    assert data["speech"][0] == -32768.0  # what was given is left as it was


def test_data_that_a_task_wants():
    assert C2SERTask.required_data_names() == ("implicit",)  # the rest as the configuration needs it: test_c2ser_inputs.py
    assert C2SERTask.required_data_names(inference=True) == ("speech",)
    names = {"speech", "emotion", "transcript", "explicit", "teacher", "speaker_frames", "speaker_emotion"}
    assert set(C2SERTask.optional_data_names()) == names | {"style", "words", "measured"}
    assert Emotion2VecSTask.required_data_names() == ("speech",)
    assert Emotion2VecSTask.optional_data_names() == ("label", "teacher_frames")


@pytest.mark.parametrize("task", [C2SERTask, Emotion2VecSTask])
def test_options_have_help_and_defaults(task):
    own = ("whisper", "llm", "llm_conf", "connector_conf", "emotion_dim") if task is C2SERTask else ("backbone_conf",)
    actions = {action.dest: action for action in task.get_parser()._actions}
    assert all(actions[option].help for option in (*own, "model_conf"))
    assert task_config(task)["model_conf"] == {} and set(own) <= set(task_config(task))


def test_processes_of_torchrun_that_cannot_meet_again_say_so(monkeypatch):
    """In the store that its agent keeps there stand the addresses of those that have died."""
    for name, value in {"RUN_ID": "test", "RESTART_COUNT": "1", "USE_AGENT_STORE": "True"}.items():
        monkeypatch.setenv(f"TORCHELASTIC_{name}", value)
    with pytest.raises(InputError, match="start torchrun with TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1"):
        Emotion2VecSTask.main(cmd=["--output_dir", "exp"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--sharded_ddp true", "--sharded_ddp: "),
        ("--use_deepspeed true", "--use_deepspeed: "),
        ("--ngpu 8", "--ngpu 8: torchrun starts a process a GPU .*; give --ngpu 1"),
        ("--dist_launcher slurm", "torchrun numbers the processes: leave out --dist_launcher"),
        ("--dist_rank 0", "leave out .*--dist_rank"),
        ("--dist_world_size 2", "leave out .*--dist_world_size"),
    ],
)
def test_what_processes_cannot_be_is_refused_before_anything_is_read(words, message, tmp_path, monkeypatch):
    """Under torchrun, which sets this variable."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    options = ["--output_dir", str(tmp_path / "exp"), "--train_data_path_and_name_and_type", "absent,speech,kaldi_ark"]
    with pytest.raises(InputError, match=message):
        Emotion2VecSTask.main(cmd=[*options, *words.split()])
    assert not (tmp_path / "exp").exists()

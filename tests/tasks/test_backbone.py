"""Both trainings of an emotion encoder from a backbone that is there: its sizes, its weights, its teacher."""

import argparse
import logging

import pytest
import torch
import yaml

from c2ser.errors import InputError
from c2ser.models.emotion2vec import backbone_config
from c2ser.tasks.emotion2vec_s import Emotion2VecSTask
from c2ser.tasks.emotion_classifier import EmotionClassifierTask
from tests.builders import BACKBONE, PRETRAINING, backbone


@pytest.fixture
def released(tmp_path):
    """A folder as `c2ser convert` makes it, and the backbone in it."""
    model = backbone(seed=3)
    (tmp_path / "released").mkdir()
    torch.save(model.state_dict(), tmp_path / "released/model.pth")
    conf = {**BACKBONE, "dropout": 0.3, "layerdrop": 0.2}
    (tmp_path / "released/config.yaml").write_text(yaml.safe_dump({"backbone_conf": conf}))
    return tmp_path / "released", model


def options(init=None, backbone_conf=None, model_conf=None, **others):
    others = {"distributed": False, "unused_parameters": False, "augment": {}, **others}
    return argparse.Namespace(
        init_backbone=init and str(init), backbone_conf=backbone_conf or {}, model_conf=model_conf or {}, **others
    )


@pytest.mark.parametrize(("task", "conf"), [(Emotion2VecSTask, PRETRAINING), (EmotionClassifierTask, {})])
def test_sizes_and_weights_are_the_given_ones(task, conf, released, caplog):
    folder, wanted = released
    args = options(folder, {"dim": 48, "layerdrop": 0.0}, conf)
    with caplog.at_level(logging.WARNING):
        model = task.build_model(args)
    assert f"backbone_conf: dim 24, as in {folder}, not 48" in caplog.text and "layerdrop" not in caplog.text
    # what config.yaml will say, from which features are extracted
    settings = backbone_config(yaml.safe_load(yaml.safe_dump(args.backbone_conf)))
    assert model.student.config == settings and (settings.dim, settings.dropout, settings.layerdrop) == (24, 0.3, 0.0)
    model.begin()
    parts = [model.student, model.teacher] if task is Emotion2VecSTask else [model.student]
    for part in parts:
        for name, weight in wanted.named_parameters():
            assert torch.equal(part.get_parameter(name), weight), name


def test_training_goes_on_from_it(released, train, tmp_path):
    folder, wanted = released
    conf = {**PRETRAINING, "ema_decay": 0.5, "ema_end_decay": 0.5}
    made = train("emotion2vec_s", tmp_path / "on", 1, init_backbone=str(folder), model_conf=conf, optim_conf={"lr": 1e-5})
    state = torch.load(made / "1epoch.pth")
    for name, weight in wanted.named_parameters():
        for part in ("student", "teacher"):
            assert (state[f"{part}.{name}"] - weight).abs().max() < 1e-4, name
    assert yaml.safe_load((made / "config.yaml").read_text())["backbone_conf"]["dropout"] == 0.3


@pytest.mark.parametrize("content", [None, {"backbone_conf": {**BACKBONE, "extra_tokens": 0}}])
def test_what_is_no_backbone_is_refused(content, tmp_path):
    if content:
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
        torch.save(backbone(extra_tokens=0).state_dict(), tmp_path / "model.pth")
    with pytest.raises(InputError, match="no utterance tokens" if content else "a folder with 0 of model.pth"):
        Emotion2VecSTask.build_model(options(tmp_path, model_conf=PRETRAINING))


@pytest.mark.parametrize(
    ("conf", "start", "wanted"), [({}, 0, False), ({"layerdrop": 0.05}, 0, True), ({}, 3, True)], ids=str
)
@pytest.mark.parametrize(("task", "own"), [(Emotion2VecSTask, PRETRAINING), (EmotionClassifierTask, {})])
def test_weights_may_rest_on_several_gpus(task, own, conf, start, wanted):
    for distributed in (False, True):
        args = options(
            backbone_conf={**BACKBONE, "layerdrop": 0.0, **conf}, model_conf={**own, "teacher_updates": start},
            distributed=distributed,
        )  # fmt: skip
        task.build_model(args)
        assert args.unused_parameters == (wanted and distributed)

"""Sizes and settings, from weights and from configurations of FunASR and fairseq."""

from dataclasses import replace

import pytest
import torch
import yaml

from c2ser.checkpoints.configuration import backbone_settings, find_settings, parse_conv_layers, to_funasr
from c2ser.checkpoints.names import AUDIO, backbone_names
from c2ser.errors import InputError
from c2ser.models.emotion2vec import Emotion2Vec, Emotion2VecConfig, backbone_config
from tests.builders import BACKBONE

SPEC = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"
ODD = {
    **BACKBONE, "norm_eps": 1e-6, "dropout": 0.2, "attention_dropout": 0.3, "layerdrop": 0.4, "normalise": False,
    "mlp_ratio": 1.7, "extra_tokens": 3, "position_width": 9,
}  # fmt: skip


def named(config):
    """Random weights of a backbone under their names."""
    with torch.device("meta"):
        own = Emotion2Vec(config).state_dict()
    state = {theirs: own[ours] for ours, theirs in backbone_names(config).items()}
    return {**state, f"{AUDIO}alibi_scale": torch.empty(1, 1, config.heads, 1, 1)}


@pytest.fixture
def conf():
    return to_funasr(backbone_config(ODD))


@pytest.fixture(scope="module")
def weights():
    return named(backbone_config(ODD))


@pytest.mark.parametrize("config", [Emotion2VecConfig(), backbone_config(ODD)], ids=["base", "odd"])
def test_there_and_back(config):
    conf = to_funasr(config)
    finetuned = {"d2v_args": {"model": conf, "task": None}, "dropout": 0.7}
    for options in (
        {"model": "Emotion2vec", "model_conf": conf},
        {"model": {k: v for k, v in conf.items() if k != "normalize"}, "task": {"normalize": config.normalise}},
        {"model": finetuned, "task": {"normalize": not config.normalise}},
        conf,
    ):
        assert backbone_settings(find_settings(options, "cfg"), named(config), "a.pt") == (config, [])


def test_sizes_of_emotion2vec_plus_large():
    """Known of the released file: 185 tensors with the classifier's two, and these sizes."""
    large = Emotion2VecConfig(dim=1024, heads=16)
    sizes = {name: tuple(value.shape) for name, value in named(large).items()}
    assert len(sizes) == 183
    expected = {
        "blocks.7.attn.qkv.weight": (3072, 1024), "blocks.7.mlp.fc2.bias": (1024,),
        "blocks.0.mlp.fc1.weight": (4096, 1024), "blocks.4.norm1.weight": (1024,),
        f"{AUDIO}context_encoder.blocks.3.attn.proj.weight": (1024, 1024), f"{AUDIO}context_encoder.norm.bias": (1024,),
        f"{AUDIO}extra_tokens": (1, 10, 1024), f"{AUDIO}local_encoder.conv_layers.0.0.weight": (512, 1, 10),
        f"{AUDIO}local_encoder.conv_layers.6.2.1.bias": (512,), f"{AUDIO}project_features.1.weight": (512,),
        f"{AUDIO}project_features.2.weight": (1024, 512), f"{AUDIO}alibi_scale": (1, 1, 16, 1, 1),
        f"{AUDIO}relative_positional_encoder.5.0.weight": (1024, 64, 19),
    }  # fmt: skip
    assert {name: sizes[name] for name in expected} == expected
    assert backbone_settings(None, named(large), "a.pt")[0] == large


def test_without_a_configuration_the_weights_speak(weights):
    config, notes = backbone_settings(None, weights, "a.pt")
    usual = {"norm_eps": 1e-5, "dropout": 0.1, "attention_dropout": 0.1, "layerdrop": 0.05, "normalise": True}
    wanted = replace(backbone_config(ODD), **usual)
    assert replace(config, position_width=9, mlp_ratio=1.7) == wanted and config.position_width == 8
    assert int(config.dim * config.mlp_ratio) == int(24 * 1.7)
    prefix = "assumed, as no configuration says it: "
    assert all(note.startswith(prefix) for note in notes) and [note.removeprefix(prefix) for note in notes] == [
        "strides of the front end (5, 2, 2, 2, 2, 2, 2)", "norm_eps 1e-05", "dropout 0.1", "attention_dropout 0.1",
        "layerdrop 0.05", "normalise true",
    ]  # fmt: skip


def test_numbers_as_yaml_gives_them(conf, weights):
    assert yaml.safe_load("norm_eps: 1e-05")["norm_eps"] == "1e-05"  # text, to YAML
    conf.update(norm_eps="1e-05", depth="${model.depth}", embed_dim="???", num_heads=None)
    conf["modalities"]["audio"]["num_alibi_heads"] = "${model.num_heads}"
    config, _ = backbone_settings(find_settings(conf, "cfg"), weights, "a.pt")
    assert config == replace(backbone_config(ODD), norm_eps=1e-5)
    conf["norm_eps"] = "small"
    with pytest.raises(InputError, match="cfg: norm_eps: 'small': expected a number"):
        backbone_settings(find_settings(conf, "cfg"), weights, "a.pt")


def test_training_rates_without_a_counterpart_are_said(conf, weights):
    conf.update(post_mlp_drop=0.25, activation_dropout=0.5)
    conf["modalities"]["audio"].update(prenet_layerdrop=0.0, end_drop_path_rate=0.1)
    assert backbone_settings(find_settings(conf, "cfg"), weights, "a.pt")[1] == [
        "left out: post_mlp_drop 0.25: dropout 0.2 serves there, and in training only",
        "left out: prenet_layerdrop 0: layerdrop 0.4 serves there, and in training only",
        "left out: activation_dropout 0.5: ours has none, and it serves in training only",
        "left out: end_drop_path_rate 0.1: ours has none, and it serves in training only",
    ]


@pytest.mark.parametrize(("section", "name", "value", "message"), [
    ("model", "depth", 3, "depth is 2 in the weights and 3 in cfg"),
    ("model", "embed_dim", 48, "dim is 24 in the weights and 48 in cfg"),
    ("model", "num_heads", 4, "3 of 4 heads have ALiBi"),
    ("model", "mlp_ratio", 4.0, "feed-forward layers are 40 wide; mlp_ratio is 4.0 in cfg"),
    ("model", "layer_norm_first", True, "layer_norm_first: True: our backbone has False only"),
    ("model", "norm_affine", False, "norm_affine: False"),
    ("audio", "extractor_mode", "default", "extractor_mode: 'default': our backbone has 'layer_norm' only"),
    ("audio", "conv_pos_pre_ln", True, "conv_pos_pre_ln"), ("audio", "use_alibi_encoder", False, "use_alibi_encoder"),
    ("audio", "learned_alibi", True, "learned_alibi"),
    ("audio", "learned_alibi_scale_per_layer", True, "learned_alibi_scale_per_layer"),
    ("audio", "num_alibi_heads", 2, "2 of 3 heads have ALiBi"),
    ("audio", "num_extra_tokens", 10, "extra_tokens is 3 in the weights and 10 in cfg"),
    ("audio", "prenet_depth", 4, "prenet_depth is 1 in the weights"),
    ("audio", "conv_pos_width", 95, "positions have kernels of 4; cfg says width 95"),
    ("audio", "conv_pos_groups", 2, "position_groups is 4 in the weights and 2 in cfg"),
    ("audio", "feature_encoder_spec", SPEC, r"front end of \(channels, kernel\) .*; cfg says"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(conf, weights, section, name, value, message):
    (conf if section == "model" else conf["modalities"]["audio"])[name] = value
    with pytest.raises(InputError, match=message):
        backbone_settings(find_settings(conf, "cfg"), weights, "a.pt")


@pytest.mark.parametrize(("gone", "message"), [
    (f"{AUDIO}project_features.2.weight", "missing modality_encoders.AUDIO.project_features.2.weight"),
    (f"{AUDIO}alibi_scale", "missing modality_encoders.AUDIO.alibi_scale"),
    (f"{AUDIO}local_encoder.conv_layers.3.0.weight", "no convolutions of a front end"),
])  # fmt: skip
def test_weights_that_show_no_sizes_are_refused(weights, gone, message):
    with pytest.raises(InputError, match=f"a.pt: not a backbone of the emotion2vec family: {message}"):
        backbone_settings(None, {name: value for name, value in weights.items() if name != gone}, "a.pt")


@pytest.mark.parametrize(("name", "value", "message"), [
    (f"{AUDIO}alibi_scale", torch.empty(1, 1, 5, 1, 1), "a width of 24 for 5 heads"),
    (f"{AUDIO}alibi_scale", torch.empty(1, 1, 0, 1, 1), "a width of 24 for 0 heads"),
    ("blocks.999999999.norm1.bias", torch.empty(24), "numbers a layer 999999999, but has"),
    (f"{AUDIO}local_encoder.conv_layers.10000.0.weight", torch.empty(2, 2, 2), "numbers a layer 10000, but has"),
])  # fmt: skip
def test_absurd_sizes_are_refused(weights, name, value, message):
    with pytest.raises(InputError, match=f"a.pt: {message}"):
        backbone_settings(None, {**weights, name: value}, "a.pt")


def test_strides_are_not_guessed():
    config = backbone_config({**BACKBONE, "conv_layers": [[8, 20, 10], [8, 32, 32]]})
    with pytest.raises(InputError, match=r"strides of a front end with kernels \(20, 32\) are not known"):
        backbone_settings(None, named(config), "a.pt")
    assert backbone_settings(find_settings(to_funasr(config), "cfg"), named(config), "a.pt") == (config, [])


def test_convolutions_are_worked_out():
    base = Emotion2VecConfig().conv_layers
    for spec in (SPEC, str(base), base):
        assert parse_conv_layers(spec, "cfg") == base
    assert parse_conv_layers("[(8, 3, 2)]*2", "cfg") == [(8, 3, 2), (8, 3, 2)]


@pytest.mark.parametrize("spec", [
    "__import__('os').system('touch mark')", "[(8, 3)]", "[(8, 3, 0)]", "[(8, 3, 2.0)]", "[(8, 3, 2)] * 10**9", "[8]",
    "[(8, 3, 2)] * x", "(", "[(8, 3, 2)] - [(8, 3, 2)]", "[(8, 3, 2)] * -1", "(" * 5000, 7,
])  # fmt: skip
def test_other_expressions_are_refused(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cfg: feature_encoder_spec: .*expected a list of"):
        parse_conv_layers(spec, "cfg")
    assert not list(tmp_path.iterdir())


def test_configurations_of_something_else_are_none():
    other = {"model_conf": {"modalities": {"image": {}}}}
    for options in ({}, {"model": "Emotion2vec"}, {"model": {"depth": 3}}, other):
        assert find_settings(options, "cfg") is None

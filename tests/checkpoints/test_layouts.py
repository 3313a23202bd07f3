"""Small checkpoints in every layout that is read."""

import argparse
import os
import sys
import types
from collections import OrderedDict

import omegaconf
import pytest
import torch
import yaml

from c2ser.checkpoints.configuration import to_funasr
from c2ser.checkpoints.layouts import load
from c2ser.checkpoints.names import AUDIO, backbone_names
from c2ser.errors import InputError
from tests.builders import BACKBONE, pretraining, waves

LABELS = (
    "生气/angry 厌恶/disgusted 恐惧/fearful 开心/happy 中立/neutral 其他/other 难过/sad 吃惊/surprised <unk>".split()
)
QUANTISER = "modality_encoders.AUDIO.quantiser.weight"


@pytest.fixture(scope="module")
def model(make_lively):
    return make_lively()


@pytest.fixture(scope="module")
def bare(make_lively):
    """data2vec 2.0: no utterance tokens, no prenet."""
    return make_lively(extra_tokens=0, prenet_depth=0, depth=3)


def their_state(model, prefix=""):
    """The weights under the names of FunASR and fairseq."""
    own = model.state_dict()
    state = OrderedDict((prefix + theirs, own[ours]) for ours, theirs in backbone_names(model.config).items())
    state[f"{prefix}{AUDIO}alibi_scale"] = own["alibi_scale"].view(1, 1, -1, 1, 1)
    return state


def pretraining_state(model):
    """The same with what fairseq's pretraining keeps beside it."""
    state = their_state(model)
    state[f"{AUDIO}decoder.blocks.0.0.weight"] = torch.randn(8, 6, 5)
    state[f"{AUDIO}decoder.proj.bias"] = torch.randn(24)
    state["recon_proj.weight"] = torch.randn(24, 24)
    state["_ema"] = {"blocks.0.norm1.weight": torch.randn(24)}
    return state


def fairseq_file(path, model, state=None, normalize=True, **parts):
    """As fairseq's trainer saves: options that name classes which are not installed, and what else it keeps."""
    conf = to_funasr(model.config)
    del conf["normalize"]
    gone = types.ModuleType("examples_of_fairseq")
    gone.Meter = type("Meter", (), {"__module__": "examples_of_fairseq"})
    sys.modules["examples_of_fairseq"] = gone
    try:
        content = {
            "args": None, "cfg": omegaconf.OmegaConf.create({"model": conf, "task": {"normalize": normalize}}),
            "model": pretraining_state(model) if state is None else state, "criterion": {},
            "optimizer_history": [{"num_updates": 5}], "task_state": {}, "extra_state": {"meter": gone.Meter()},
            "last_optimizer_state": {"state": {0: torch.randn(3)}}, **parts,
        }  # fmt: skip
        torch.save(content, path)
    finally:
        del sys.modules["examples_of_fairseq"]
    return path


def funasr_folder(folder, state, conf=None, tokens=None, **parts):
    """As FunASR's models are laid out: model.pt and, where given, config.yaml and tokens.txt."""
    folder.mkdir(exist_ok=True)
    torch.save({"model": state, **parts} if parts else {"model": state}, folder / "model.pt")
    if conf is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump({"model": "Emotion2vec", "model_conf": conf}))
    if tokens is not None:
        (folder / "tokens.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
    return folder


def assert_same(backbone, model):
    """The very weights and sizes of a model, and its outputs."""
    assert backbone.config == model.config
    own = model.state_dict()
    assert set(backbone.weights) == set(own)
    for name, value in own.items():
        assert backbone.weights[name].dtype == torch.float32 and torch.equal(backbone.weights[name], value), name
    with torch.no_grad():
        for made, wanted in zip(backbone.build()(*waves([3000, 5000])), model(*waves([3000, 5000]))):
            assert torch.equal(made, wanted)


def test_emotion2vec(model, tmp_path):
    backbone = load(funasr_folder(tmp_path / "m", their_state(model), to_funasr(model.config)))
    assert_same(backbone, model)
    assert (backbone.layout, backbone.head, backbone.labels, backbone.notes) == ("funasr", None, None, [])


def test_emotion2vec_plus(model, tmp_path):
    torch.manual_seed(0)
    head = {"proj.weight": torch.randn(9, 24), "proj.bias": torch.randn(9)}
    state = {**their_state(model, "d2v_model."), **head}
    folder = funasr_folder(tmp_path / "m", state, to_funasr(model.config), LABELS, cfg=None, extra_state={"epoch": 3})
    for layout in ("auto", "funasr"):
        backbone = load(folder / "model.pt", layout)
        assert_same(backbone, model)
        assert torch.equal(backbone.head["weight"], head["proj.weight"])
        assert torch.equal(backbone.head["bias"], head["proj.bias"])
        assert backbone.labels == LABELS and backbone.notes == ["left out: extra_state: where the training stood"]


def test_a_state_dict_alone(model, tmp_path):
    torch.save(their_state(model), tmp_path / "bare.pt")
    backbone = load(tmp_path / "bare.pt", "funasr")
    assert all(torch.equal(value, backbone.weights[name]) for name, value in model.state_dict().items())
    assert backbone.config == model.config  # whose settings are those of the released ones
    assert "assumed, as no configuration says it: normalise true" in backbone.notes
    given = {"model_conf": {**to_funasr(model.config), "normalize": False}}
    (tmp_path / "given.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    assert load(tmp_path / "bare.pt", config=tmp_path / "given.yaml").config.normalise is False


@pytest.mark.parametrize("normalize", [True, False])
def test_emotion2vec_s(model, tmp_path, make_lively, normalize):
    path = fairseq_file(tmp_path / "checkpoint_best.pt", model, normalize=normalize)
    backbone = load(path)
    assert backbone.layout == "fairseq" and backbone.config.normalise is normalize
    assert_same(backbone, make_lively(normalise=normalize))
    left = [note for note in backbone.notes if note.startswith("left out: ")]
    assert "left out: _ema: the teacher's moving average, which only pretraining uses" in left
    assert (
        f"left out: {AUDIO}decoder.blocks.0.0.weight, {AUDIO}decoder.proj.bias: the decoder of masked frames, "
        "which only pretraining uses"
    ) in left
    assert "left out: last_optimizer_state: what the optimiser remembers" in left
    assert sum(note.count("recon_proj.weight") for note in left) == 1 and len(backbone.notes) == len(left) == 9


def test_options_as_a_namespace(model, tmp_path):
    flat = argparse.Namespace(**to_funasr(model.config))
    flat.modalities = argparse.Namespace(audio=argparse.Namespace(**flat.modalities["audio"]))
    path = fairseq_file(tmp_path / "a.pt", model, cfg=None, args=flat)
    assert_same(load(path, "fairseq"), model)


def test_data2vec2(bare, tmp_path):
    for layout in ("auto", "data2vec2"):
        backbone = load(fairseq_file(tmp_path / "base_libri.pt", bare), layout)
        assert backbone.layout == "data2vec2" and backbone.weights["extra_tokens"].shape == (1, 0, 24)
        assert_same(backbone, bare)
        assert "no utterance tokens: this is data2vec 2.0, which has frames only" in backbone.notes


def test_data2vec2_of_old_and_of_several_modalities(bare, tmp_path):
    state = their_state(bare)
    state[f"{AUDIO}alibi_scale"] = state[f"{AUDIO}alibi_scale"][0]  # as before learned scales could differ by layer
    state["modality_encoders.TEXT.local_encoder.embed_tokens.weight"] = torch.randn(5, 24)
    backbone = load(fairseq_file(tmp_path / "a.pt", bare, state))
    assert_same(backbone, bare)
    name = "modality_encoders.TEXT.local_encoder.embed_tokens.weight"
    assert f"left out: {name}: the encoder of another modality" in backbone.notes


@pytest.mark.parametrize("start", [None, "start", "spectral"])
def test_ours_and_our_pretraining(tmp_path, start):
    """With the regression of a start too, whatever earlier revisions called it."""
    trained = pretraining(teacher_updates=int(start is not None))
    config = {"backbone_conf": BACKBONE, "model_conf": {}, "max_epoch": 3}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    torch.save(trained.student.state_dict(), tmp_path / "model.pth")
    student = trained.student.eval()
    assert_same(load(tmp_path), student)
    state = {name.replace("start.", f"{start}."): value for name, value in trained.state_dict().items()}
    torch.save(state, tmp_path / "model.pth")
    backbone = load(tmp_path, "c2ser")
    assert_same(backbone, student)
    (teacher,) = [note for note in backbone.notes if "teacher." in note]
    count = len(trained.teacher.state_dict())
    assert teacher.startswith("left out: teacher.alibi_scale … teacher.") and f" ({count} weights): the " in teacher
    assert len(backbone.notes) == (4 if start else 3) and "left out: decoder.convs.0.bias, " in "".join(backbone.notes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_exactly(model, tmp_path, dtype):
    state = {name: value.to(dtype) for name, value in their_state(model).items()}
    backbone = load(funasr_folder(tmp_path / "m", state, to_funasr(model.config)))
    for ours, theirs in backbone_names(model.config).items():
        made = backbone.weights[ours]
        assert made.dtype == torch.float32 and torch.equal(made.to(dtype).flatten(), state[theirs].flatten())


def test_a_malicious_checkpoint_is_read_and_not_run(model, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'mark'}",)

    path = fairseq_file(tmp_path / "a.pt", model, task_state=Evil())
    assert_same(load(path), model)
    state = their_state(model)
    state["blocks.0.norm1.weight"] = Evil()
    with pytest.raises(InputError, match="blocks.0.norm1.weight: missing"):
        load(fairseq_file(tmp_path / "b.pt", model, state))
    assert not (tmp_path / "mark").exists()


def test_all_faults_of_weights_are_listed(model, tmp_path):
    state = their_state(model)
    del state["blocks.1.mlp.fc2.bias"], state[f"{AUDIO}context_encoder.norm.bias"]
    state["blocks.0.norm2.bias"] = torch.zeros(23)
    state[f"{AUDIO}alibi_scale"] = torch.ones(1, 3, 1, 1, 1)
    state[f"{AUDIO}project_features.2.bias"] = torch.full((24,), float("nan"))
    state["blocks.1.norm2.bias"] = torch.zeros(24, dtype=torch.int64)
    with pytest.raises(InputError) as caught:
        load(fairseq_file(tmp_path / "a.pt", model, state))
    message = str(caught.value)
    assert "a.pt: does not fit: " in message and message.count("; ") == 5
    for fault in (
        "blocks.1.mlp.fc2.bias: missing", "AUDIO.context_encoder.norm.bias: missing",
        "blocks.0.norm2.bias: size (23,), expected (24,)", "AUDIO.alibi_scale: size (1, 3, 1, 1, 1), expected (3,)",
        "AUDIO.project_features.2.bias: holds NaN or infinite values",
        "blocks.1.norm2.bias: holds torch.int64, expected float32, float16 or bfloat16",
    ):  # fmt: skip
        assert fault in message


def test_sizes_of_no_network(model, tmp_path):
    state = their_state(model)
    state[f"{AUDIO}relative_positional_encoder.1.0.weight"] = torch.randn(24, 5, 4)
    path = funasr_folder(tmp_path / "m", state)  # five channels a group do not make up 24
    with pytest.raises(InputError, match="m/model.pt: (no network has these sizes|does not fit)"):
        load(path)


def test_a_block_that_is_missing_whole(model, tmp_path):
    state = {name: value for name, value in their_state(model).items() if not name.startswith("blocks.1.")}
    with pytest.raises(InputError, match="depth is 1 in the weights and 2 in .*: cfg"):
        load(fairseq_file(tmp_path / "a.pt", model, state))


def test_unknown_weights_stop_unless_allowed(model, tmp_path):
    unknown = {QUANTISER: torch.ones(2), "cls_head.bias": torch.ones(3), "_emanation": torch.ones(1)}
    state = {**their_state(model), **unknown}
    path = fairseq_file(tmp_path / "a.pt", model, state)
    with pytest.raises(InputError, match=f"unknown weights: _emanation, cls_head.bias, {QUANTISER}; --allow_unknown"):
        load(path)
    backbone = load(path, allow_unknown=True)
    assert_same(backbone, model)
    assert f"left out: _emanation, cls_head.bias, {QUANTISER}: unknown, as --allow_unknown asked" in backbone.notes


def test_unknown_parts_stop_unless_allowed(model, tmp_path):
    path = fairseq_file(tmp_path / "a.pt", model, prototypes=torch.ones(3))
    with pytest.raises(InputError, match="unknown parts beside the weights: prototypes"):
        load(path)
    assert "left out: prototypes: unknown, as --allow_unknown asked" in load(path, allow_unknown=True).notes


def test_layouts_that_do_not_fit_are_refused(model, bare, tmp_path):
    path, other = fairseq_file(tmp_path / "a.pt", model), fairseq_file(tmp_path / "b.pt", bare)
    for layout in ("data2vec2", "c2ser"):
        with pytest.raises(InputError, match=f"a.pt: not in the layout {layout}; it looks like funasr or fairseq"):
            load(path, layout)
    for layout in ("funasr", "fairseq", "c2ser"):
        with pytest.raises(InputError, match=f"b.pt: not in the layout {layout}; it looks like data2vec2"):
            load(other, layout)
    torch.save({"encoder.weight": torch.ones(2)}, tmp_path / "c.pt")
    with pytest.raises(InputError, match="no checkpoint of the emotion2vec family; it holds 1 entries: encoder.weight"):
        load(tmp_path / "c.pt")


def test_two_models_in_one_file_are_refused(model, tmp_path):
    torch.save({**their_state(model), **their_state(model, "d2v_model.")}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="two models in one file"):
        load(tmp_path / "a.pt")


def test_classifiers_that_do_not_fit_are_refused(model, tmp_path):
    conf = to_funasr(model.config)
    narrow = {"proj.weight": torch.ones(9, 8), "proj.bias": torch.ones(9)}
    for number, head in enumerate(({"proj.weight": torch.ones(9, 24)}, narrow)):
        with pytest.raises(InputError, match="its classifier is no linear layer on 24 numbers"):
            load(funasr_folder(tmp_path / f"m{number}", {**their_state(model), **head}, conf))
    head = {"proj.weight": torch.ones(9, 24), "proj.bias": torch.ones(9)}
    with pytest.raises(InputError, match="its classifier has 9 classes, but 8 are named beside it"):
        load(funasr_folder(tmp_path / "m", {**their_state(model), **head}, conf, LABELS[:8]))


def test_files_that_are_not_there(model, tmp_path):
    with pytest.raises(InputError, match="none.pt: no such file"):
        load(tmp_path / "none.pt")
    with pytest.raises(InputError, match="a folder with 0 of model.pth and model.pt"):
        load(tmp_path)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    with pytest.raises(InputError, match="config.yaml: no backbone_conf"):
        load(tmp_path)
    (tmp_path / "config.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(InputError, match="config.yaml: cannot be read as YAML"):
        load(tmp_path)
    (tmp_path / "config.yaml").write_text("- a", encoding="utf-8")
    with pytest.raises(InputError, match="config.yaml: not the configuration of a model"):
        load(tmp_path)

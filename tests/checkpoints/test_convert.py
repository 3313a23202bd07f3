"""The command `c2ser convert`, both ways."""

import pytest
import torch
import yaml

from c2ser.bin import convert
from c2ser.checkpoints.layouts import load
from c2ser.checkpoints.names import AUDIO, LAYOUTS, TARGETS, backbone_names
from c2ser.checkpoints.writing import write
from c2ser.errors import InputError
from c2ser.fileio import sha256
from c2ser.inference.emotion_encoder import EmotionEncoder
from tests.builders import waves
from tests.closeness import assert_rounds_alike


def run(source, target, *options):
    convert.main(["--from", str(source), "--to", str(target), *options])
    return target


@pytest.fixture(scope="module")
def released(tmp_path_factory, make_lively):
    """A file with FunASR's names, the prefix of emotion2vec+ and its classifier, and nothing beside it."""
    torch.manual_seed(1)
    model, folder = make_lively(seed=4), tmp_path_factory.mktemp("released")
    own = model.state_dict()
    state = {f"d2v_model.{theirs}": own[ours] for ours, theirs in backbone_names(model.config).items()}
    state[f"d2v_model.{AUDIO}alibi_scale"] = own["alibi_scale"].view(1, 1, -1, 1, 1)
    head = {"proj.weight": torch.randn(2, 24), "proj.bias": torch.randn(2)}
    torch.save({"model": {**state, **head}}, folder / "model.pt")
    (folder / "tokens.txt").write_text("生气/angry\n<unk>\n", encoding="utf-8")
    return folder / "model.pt", model


def test_to_ours(released, tmp_path, capsys):
    path, model = released
    made = run(path, tmp_path / "deep/made")
    assert sorted(file.name for file in made.iterdir()) == ["config.yaml", "head.pth", "model.pth"]
    assert [file.name for file in made.parent.iterdir()] == ["made"]
    state = torch.load(made / "model.pth", weights_only=True)
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    config = yaml.safe_load((made / "config.yaml").read_text(encoding="utf-8"))
    assert config["backbone_conf"]["dim"] == 24 and config["backbone_conf"]["norm_eps"] == 1e-5
    assert config["head_labels"] == ["生气/angry", "<unk>"]
    assert config["converted"]["from"] == "model.pt" and config["converted"]["sha256"] == sha256(path)
    printed = capsys.readouterr().out
    assert "model.pt: fairseq, " in printed and f"{made}: c2ser\n" in printed
    assert all(f"  {note}\n" in printed for note in config["converted"]["notes"])
    assert any("strides of the front end" in note for note in config["converted"]["notes"])


def test_ours_is_what_recipes_take(released, tmp_path):
    path, model = released
    made = run(path, tmp_path / "made")
    speech, lengths = waves([8000, 16000])
    tokens, mean = EmotionEncoder(made / "config.yaml", made / "model.pth")(speech, lengths)
    with torch.no_grad():
        frames, wanted, counts = model(speech, lengths)
    assert_rounds_alike(tokens, wanted)
    assert_rounds_alike(mean, frames.sum(1) / counts[:, None])


def test_there_and_back_is_the_same_to_the_bit(released, tmp_path):
    path, model = released
    first = run(path, tmp_path / "c2ser")
    second = run(first, tmp_path / "funasr", "--to_layout", "funasr")
    third = run(second, tmp_path / "again", "--layout", "funasr")
    one, two = load(first), load(third)
    assert one.config == two.config == model.config and one.labels == two.labels == ["生气/angry", "<unk>"]
    for made, wanted in ((two.weights, model.state_dict()), (two.weights, one.weights), (two.head, one.head)):
        assert set(made) == set(wanted) and all(torch.equal(made[name], wanted[name]) for name in wanted)
    assert two.notes == []  # FunASR's config.yaml, as written, leaves nothing to assume
    fourth = run(third, tmp_path / "funasr2", "--to_layout", "funasr")
    states = [torch.load(folder / "model.pt", weights_only=True)["model"] for folder in (second, fourth)]
    assert set(states[0]) == set(states[1]) and all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert (second / "config.yaml").read_bytes() == (fourth / "config.yaml").read_bytes()


def test_data2vec2_there_and_back(make_lively, tmp_path):
    model = make_lively(extra_tokens=0, prenet_depth=0)
    backbone = load_from(model, tmp_path)
    write(backbone, tmp_path / "funasr", "funasr")
    again = load(tmp_path / "funasr", "data2vec2")
    assert again.config == model.config
    assert all(torch.equal(again.weights[name], value) for name, value in model.state_dict().items())


def load_from(model, folder):
    (folder / "ours").mkdir()
    torch.save(model.state_dict(), folder / "ours/model.pth")
    conf = {name: value for name, value in vars(model.config).items() if name != "conv_layers"}
    conf["conv_layers"] = [list(layer) for layer in model.config.conv_layers]
    (folder / "ours/config.yaml").write_text(yaml.safe_dump({"backbone_conf": conf}), encoding="utf-8")
    return load(folder / "ours")


def test_what_is_there_is_not_overwritten(released, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made/thesis.tex").write_text("ten years")
    with pytest.raises(InputError, match="made: is there already; remove it or name another folder"):
        run(released[0], tmp_path / "made")
    assert (tmp_path / "made/thesis.tex").read_text() == "ten years"


def test_a_failure_leaves_nothing(released, tmp_path, monkeypatch):
    (tmp_path / "cut.pt").write_bytes(released[0].read_bytes()[:5000])
    with pytest.raises(InputError, match="cut.pt: truncated"):
        run(tmp_path / "cut.pt", tmp_path / "made")
    monkeypatch.setattr("c2ser.checkpoints.writing.write_yaml", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(released[0], tmp_path / "made")
    assert [file.name for file in tmp_path.iterdir()] == ["cut.pt"]


def test_options():
    parser = convert.get_parser()
    args = parser.parse_args(["--from", "a", "--to", "b"])
    assert (args.layout, args.to_layout, args.allow_unknown, args.config) == ("auto", "c2ser", False, None)
    choices = {action.dest: action.choices for action in parser._actions}
    assert choices["layout"] == ("auto", *LAYOUTS) and choices["to_layout"] == TARGETS
    with pytest.raises(SystemExit):
        parser.parse_args(["--from", "a", "--to", "b", "--allow_unknown", "yes"])

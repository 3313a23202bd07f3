"""The released C2SER checkpoint: every module gives what its own arithmetic gives, and every name is accounted for."""

import json

import pytest
import torch
import torch.nn.functional as F
import yaml
from transformers import AutoModelForCausalLM
from whisper.audio import log_mel_spectrogram

from c2ser.bin import import_c2ser, pack
from c2ser.checkpoints.c2ser_official import base_differences, read_official
from c2ser.cot.prompts import prompt
from c2ser.errors import InputError
from c2ser.inference.bundle import Bundle
from c2ser.inference.emotion_encoder import EmotionEncoder, read_config
from c2ser.inference.predictor import Predictor
from c2ser.models.build import build_c2ser
from tests import builders
from tests.checkpoints import official
from tests.inference.conftest import assert_same


@pytest.fixture(scope="module")
def state(llm_dir):
    return official.checkpoint(llm_dir)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Whisper file and Emotion2Vec-S folder."""
    folder = tmp_path_factory.mktemp("parts")
    return builders.whisper_file(folder / "small.pt", **official.DIMS), official.emotion_folder(folder / "e2v_s")


@pytest.fixture
def imported(tmp_path, llm_dir, parts):
    """imported(state, option=…): run the command on a checkpoint; returns the folder that it makes."""

    def call(state, **options):
        torch.save(state, tmp_path / "C2SER_llm.pt")
        given = {"checkpoint": tmp_path / "C2SER_llm.pt", "llm": llm_dir, "whisper": parts[0], "emotion": parts[1]}
        options = {**given, "out_dir": tmp_path / "made" / "c2ser", **options}
        import_c2ser.main([str(word) for name, value in options.items() for word in (f"--{name}", value)])
        return options["out_dir"]

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory, state, llm_dir, parts):
    """What the command makes of the whole checkpoint; not to be written to."""
    root = tmp_path_factory.mktemp("official")
    torch.save(state, root / "C2SER_llm.pt")
    given = ["--checkpoint", root / "C2SER_llm.pt", "--llm", llm_dir, "--whisper", parts[0], "--emotion", parts[1]]
    import_c2ser.main([str(word) for word in [*given, "--out_dir", root / "made"]])
    return root / "made"


@pytest.fixture(scope="module")
def model(folder):
    model = build_c2ser(read_config(folder / "config.yaml"))
    model.load_state_dict(torch.load(folder / "model.pth", weights_only=True))
    return model.eval()


@torch.no_grad()
def test_encoder_gives_what_the_released_one_gives(model, state):
    speech, lengths = builders.waves([7000, 4000])
    frames, counts = model.encoder(speech, lengths)
    for row, length in enumerate(lengths.tolist()):
        wanted = official.encode(state, log_mel_spectrogram(speech[row, :length]).T)
        assert int(counts[row]) == len(wanted)
        torch.testing.assert_close(frames[row, : len(wanted)], wanted, atol=2e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 2, 13, 24])
def test_subsampling_gives_what_the_released_one_gives(model, state, length):
    x = torch.randn(1, length, official.DIM, generator=torch.Generator().manual_seed(length))
    made, counts = model.subsampler(x, torch.tensor([length]))
    wanted = official.subsample(state, x[0])
    assert counts.tolist() == [len(wanted)]
    torch.testing.assert_close(made[0], wanted, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_connector_gives_what_the_released_one_gives(model, state):
    x = torch.randn(2, 17, official.DIM, generator=torch.Generator().manual_seed(0))
    made = model.connector(x, torch.tensor([17, 9]))
    for row, length in enumerate((17, 9)):
        torch.testing.assert_close(made[row, :length], official.connect(state, x[row, :length]), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_adapters_give_what_the_merged_matrices_give(model, state, llm_dir):
    merged = AutoModelForCausalLM.from_pretrained(llm_dir, dtype=torch.float32)
    for name, weight in merged.named_parameters():
        place = f"llama_model.base_model.model.{name.removesuffix('.weight')}"
        if f"{place}.lora_A.default.weight" in state:
            below, above = (state[f"{place}.lora_{part}.default.weight"] for part in "AB")
            weight += 32 / official.RANK * above @ below
    ids = torch.tensor([[5, 9, 30, 7]])
    plain = AutoModelForCausalLM.from_pretrained(llm_dir, dtype=torch.float32)
    wanted = merged(ids).logits
    torch.testing.assert_close(model.llm(ids).logits, wanted, atol=1e-3, rtol=1e-3)
    assert (plain(ids).logits - wanted).abs().max() > 0.1


@torch.no_grad()
def test_the_whole_sequence_is_the_released_ones(model, state, tokenizer):
    speech, lengths = builders.waves([6000])
    emotion = torch.randn(1, 10, builders.BACKBONE["dim"], generator=torch.Generator().manual_seed(0))
    prefix = model.prefixes("implicit", *model.hear(speech, lengths, emotion))[0]
    frames = official.subsample(state, official.encode(state, log_mel_spectrogram(speech[0]).T))
    tokens = F.pad(emotion[0], (0, official.DIM - emotion.shape[2]))
    begin, end = state["speech_token_emded.weight"][official.TOKENS :]
    ids = torch.tensor(tokenizer(prompt("implicit", "en"))["input_ids"])
    heard = official.connect(state, torch.cat([tokens, frames]))
    wanted = torch.cat([state["embed_tokens.weight"][ids], begin[None], heard, end[None]])
    torch.testing.assert_close(prefix, wanted, atol=1e-3, rtol=1e-3)


def test_predictor_answers_with_it(folder):
    predictor = Predictor(folder)
    speech = builders.waves([6000])[0][0].numpy()
    for mode in ("implicit", "explicit"):
        [prediction] = predictor([speech], mode=mode)
        assert sum(prediction.posterior.values()) == pytest.approx(1, abs=1e-4) and len(prediction.posterior) == 7


def test_it_can_be_packed(folder, tmp_path):
    pack.main(["--model", str(folder), "--out_dir", str(tmp_path / "packed")])
    speech = [builders.waves([6000])[0][0].numpy()]
    assert_same(Predictor(tmp_path / "packed")(speech), Predictor(folder)(speech))
    assert "| that of the authors' release: see there |" in (tmp_path / "packed/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("utterance_mode", ["extra_tokens", "first10_frames"])
def test_both_kinds_of_utterance_features(imported, state, utterance_mode):
    bundle = Bundle.read(imported(state, utterance_mode=utterance_mode))
    assert bundle.emotion["utterance_mode"] == utterance_mode and bundle.languages == ["zh"] and len(bundle.labels) == 7
    assert bundle.modes["explicit"] == bundle.modes["implicit"]


def test_each_kind_of_utterance_features_is_heard(imported, state, parts):
    """The answers of either kind are those to its own features: the learned tokens, or the first ten frames."""
    speech, lengths = builders.waves([6000, 9000])
    waves = [wave[:length].numpy() for wave, length in zip(speech, lengths)]
    config, checkpoint = parts[1] / "config.yaml", parts[1] / "model.pth"
    made = {}
    for kind in ("extra_tokens", "first10_frames"):
        tokens = EmotionEncoder(config, checkpoint, utterance_mode=kind)(speech, lengths)[0]
        assert tokens.shape[:2] == (2, 10)
        predictor = Predictor(imported(state, utterance_mode=kind))
        for mode in ("implicit", "explicit"):
            answers = predictor(waves, mode)
            assert_same(answers, predictor(waves, mode, emotion=list(tokens.numpy())))
            made[kind, mode] = [value for answer in answers for value in answer.posterior.values()]
    for mode in ("implicit", "explicit"):
        assert made["extra_tokens", mode] != pytest.approx(made["first10_frames", mode], abs=1e-3)


def test_defaults_are_the_released_configuration(folder):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    wanted = {"dim": 32, "depth": 2, "heads": 4, "feedforward": 48, "dropout": 0.1}
    assert config["connector_conf"] == wanted and config["emotion_dim"] == builders.BACKBONE["dim"]
    assert config["llm_conf"].pop("targets") == sorted(official.TARGETS)
    assert config["llm_conf"] == {"train": "lora", "rank": 2, "alpha": 32, "dropout": 0.1}
    assert (config["prompt_style"], config["prompt_language"]) == ("plain", "en")
    assert Bundle.read(folder).emotion["utterance_mode"] == "first10_frames"


def test_what_is_left_out_is_listed_with_its_reason(folder, state):
    report = json.loads((folder / "import.json").read_text(encoding="utf-8"))
    unused = {"ln_speech.weight", "ln_speech.bias", "speaker_head.weight", "speaker_head.bias"}
    unused |= {"speech_transformer.embed.pos_enc.pe", "speech_token_emded.weight[:5]"}
    assert set(report["left_out"]) == unused and all(report["left_out"].values())
    base = [name for name in state if name.startswith("llama_model.") and ".lora_" not in name]
    # embeddings and output layer stand there twice
    assert report["base"].startswith(f"the {len(base)} base weights in the file are those of --llm")
    assert report["weights"] == len(torch.load(folder / "model.pth")) - 1


def test_wrappings_and_half_precision(imported, state, folder):
    halved = {f"module.{name}": value.bfloat16() for name, value in state.items()}
    other = torch.load(imported({"module": halved, "step": 3}) / "model.pth")
    exact = torch.load(folder / "model.pth")
    assert set(other) == set(exact)
    for name, value in exact.items():
        assert other[name].dtype == value.dtype
        torch.testing.assert_close(other[name], value, atol=1e-2, rtol=1e-2)


def test_unknown_names_stop_unless_allowed(imported, state):
    more = {**state, "task_embeddings.weight": torch.zeros(2, 2), "encoder.ctc.bias": torch.zeros(3)}
    with pytest.raises(InputError, match="unknown: task_embeddings.weight\n  unknown: encoder.ctc.bias"):
        imported(more)
    report = json.loads((imported(more, allow_unknown="true") / "import.json").read_text())
    assert report["left_out"]["task_embeddings.weight"] == report["left_out"]["encoder.ctc.bias"] == "unknown"


MISSING = {
    "encoder.encoders.1.self_attn.linear_k.weight": "missing: encoder.encoder.blocks.1.attn.key.weight",
    "down_sample_2.conv.4.bias": "missing: subsampler.convs.1.bias",
    "speech_transformer.encoders.0.self_attn.linear_k.bias": "missing: connector.layers.layers.0.*in_proj_bias",
    "speech_token_emded.weight": "missing: speech_ends.weight",
    "llama_model.base_model.model.model.layers.1.mlp.down_proj.lora_B.default.weight": "missing: llm.*down_proj.lora_B",
}


@pytest.mark.parametrize("lost", MISSING)
def test_missing_names_stop(imported, state, lost, tmp_path):
    with pytest.raises(InputError, match=f"(?s)does not fit.*{MISSING[lost]}"):
        imported({name: value for name, value in state.items() if name != lost})
    assert not (tmp_path / "made").exists() or not list((tmp_path / "made").iterdir())


def test_a_part_of_other_size_is_named(imported, state, tmp_path, whisper_pt):
    wide = {**state, "speech_llama_proj.bias": torch.zeros(17)}
    with pytest.raises(InputError, match=r"of shape \(17,\) instead of \(16,\): connector.project.bias"):
        imported(wide)
    with pytest.raises(InputError, match="of shape .* instead of .*: encoder.encoder.conv1.weight"):
        imported(state, whisper=whisper_pt)  # of width 16


def test_another_base_model_is_noticed(imported, state, llm_dir, tmp_path):
    name = "llama_model.base_model.model.model.layers.0.self_attn.q_proj.base_layer.weight"
    other = {**state, name: state[name] + 0.01}
    with pytest.raises(
        InputError, match="(?s)write_llm true.*other than in .*: model.layers.0.self_attn.q_proj.weight"
    ):
        imported(other)
    folder = imported(other, write_llm="true")
    bundle = Bundle.read(folder)
    assert bundle.llm == folder / "llm"
    written = AutoModelForCausalLM.from_pretrained(bundle.llm).state_dict()
    torch.testing.assert_close(written["model.layers.0.self_attn.q_proj.weight"], other[name])
    assert "1 of" in json.loads((folder / "import.json").read_text())["base"]
    assert Predictor(folder).tokenizer.eos_token_id is not None


def test_a_checkpoint_without_base_model(imported, state):
    small = {name: value for name, value in state.items() if not name.startswith("llama_model.") or ".lora_" in name}
    small = {name: value for name, value in small.items() if name not in ("embed_tokens.weight", "lm_head.weight")}
    assert "no base model" in json.loads((imported(small) / "import.json").read_text())["base"]


def test_base_is_compared_at_the_coarser_precision():
    exact = torch.tensor([1.0, 1.0001])
    assert base_differences({"a": exact}, {"a": exact.bfloat16()}) == ([], [])
    assert base_differences({"a": exact + 1}, {"a": exact.bfloat16()}) == ([], ["a"])
    assert base_differences({"b": exact}, {"a": exact}) == (["b"], [])


def test_other_files_are_refused(tmp_path, state):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="other.pt: no C2SER checkpoint.*weight"):
        read_official(tmp_path / "other.pt")
    torch.save({**state, "speech_transformer.embed.pos_enc.pe": torch.randn(1, 60, 32)}, tmp_path / "relative.pt")
    with pytest.raises(InputError, match="relative.pt: speech_transformer.embed.pos_enc.pe are not the sinusoids"):
        read_official(tmp_path / "relative.pt")


def test_the_emotion_folder_must_be_whole(imported, state, tmp_path):
    with pytest.raises(InputError, match="config.yaml: no such file; `c2ser convert`"):
        imported(state, emotion=tmp_path)

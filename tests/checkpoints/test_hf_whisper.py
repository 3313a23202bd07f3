"""Whisper in Hugging Face's layout: transformers' own encoder, and the openai-whisper file of the same weights, agree."""

import json
import shutil

import pytest
import torch
from transformers import WhisperConfig, WhisperForAudioClassification, WhisperForConditionalGeneration
from whisper.audio import log_mel_spectrogram
from whisper.model import ModelDimensions, Whisper

from c2ser.checkpoints.hf_whisper import read_hf_whisper
from c2ser.errors import InputError
from c2ser.models.whisper_encoder import WhisperEncoder, save_whisper_encoder
from tests.builders import randomise, waves

SIZES = {
    "d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_layers": 1,
    "decoder_attention_heads": 2, "decoder_ffn_dim": 64, "vocab_size": 60, "max_target_positions": 8, "pad_token_id": 0,
    "bos_token_id": 0, "eos_token_id": 0, "decoder_start_token_id": 0, "num_mel_bins": 80,
}  # fmt: skip


def made(kind=WhisperForConditionalGeneration, **changes):
    return randomise(kind(WhisperConfig(**{**SIZES, **changes})), 3, 0.2).eval()


def theirs(model, wave):
    """transformers' own hidden states at 30 s, which is all that it takes."""
    encoder = getattr(model, "encoder", None) or model.model.encoder
    mel = log_mel_spectrogram(wave, model.config.num_mel_bins)[None]
    return encoder(mel, output_hidden_states=True).hidden_states


@torch.no_grad()
@pytest.mark.parametrize(
    "kind, options, changes",
    [
        (WhisperForConditionalGeneration, {}, {}),
        (WhisperForConditionalGeneration, {"max_shard_size": "5KB"}, {"num_mel_bins": 128}),
        (WhisperForAudioClassification, {}, {}),
    ],
)
def test_hidden_states_are_transformers_own(tmp_path, kind, options, changes):
    model = made(kind, **changes)
    model.save_pretrained(tmp_path, **options)
    assert (tmp_path / "model.safetensors.index.json").is_file() == bool(options)
    encoder = WhisperEncoder.from_checkpoint(tmp_path).eval()
    speech, lengths = waves([480000])
    *inputs, last = theirs(model, speech[0])  # what goes into each block, and what comes out under the norm
    depths = [frames for frames, _ in encoder.depths(speech, lengths)]
    assert len(inputs) == 2 and len(depths) == 4
    for found, wanted in zip([*depths[:2], depths[3]], [*inputs, last]):
        torch.testing.assert_close(found, wanted, atol=5e-5, rtol=1e-4)


@pytest.mark.parametrize("sharded", [False, True])
def test_pickled_weights_and_an_encoder_alone(tmp_path, sharded):
    model = made()
    model.config.save_pretrained(tmp_path)
    state = model.model.encoder.state_dict()
    if sharded:
        names = {name: f"pytorch_model-{number % 2}.bin" for number, name in enumerate(state)}
        for file in set(names.values()):
            torch.save({name: value for name, value in state.items() if names[name] == file}, tmp_path / file)
        (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": names}))
    else:
        torch.save(state, tmp_path / "pytorch_model.bin")
    found = WhisperEncoder.from_checkpoint(tmp_path).encoder.state_dict()
    model.save_pretrained(tmp_path / "whole")
    wanted = WhisperEncoder.from_checkpoint(tmp_path / "whole").encoder.state_dict()
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, atol=0, rtol=0)


@torch.no_grad()
def test_the_decoder_speaks_as_transformers_own(tmp_path):
    """All weights have a place in openai-whisper's model, and its words are as likely as in transformers' own."""
    model = made()
    model.save_pretrained(tmp_path)
    dims, state = read_hf_whisper(tmp_path)
    ours = Whisper(ModelDimensions(**dims)).eval()
    ours.load_state_dict(state)
    mel, ids = torch.randn(1, 80, 3000), torch.tensor([[3, 7, 11, 5]])
    wanted = model(input_features=mel, decoder_input_ids=ids).logits
    torch.testing.assert_close(ours(mel, ids), wanted, atol=2e-5, rtol=1e-4)


def test_a_packed_system_keeps_its_encoder(tmp_path):
    made().save_pretrained(tmp_path / "folder")
    save_whisper_encoder(tmp_path / "folder", tmp_path / "whisper.safetensors")
    found, wanted = (
        WhisperEncoder.from_checkpoint(tmp_path / name).state_dict() for name in ("whisper.safetensors", "folder")
    )
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


def broken(tmp_path, change):
    made().save_pretrained(tmp_path)
    change(tmp_path)


def configured(**values):
    def change(folder):
        config = json.loads((folder / "config.json").read_text())
        config = {key: value for key, value in {**config, **values}.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(config))

    return change


@pytest.mark.parametrize(
    "change, message",
    [
        (configured(model_type="wav2vec2"), "a model of type wav2vec2; a Whisper model is needed"),
        (configured(d_model=None), "config.json: lacks the sizes d_model"),
        (configured(activation_function="relu"), "activation_function relu; Whisper's gelu is needed"),
        (configured(encoder_layers=3), "not a whole Whisper encoder"),
        (configured(d_model=32), "not a whole Whisper encoder"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: not the configuration of a model"),
        (lambda folder: (folder / "config.json").unlink(), "config.json: no such file"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds none of model.safetensors, .* fetch the whole"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 9), "model.safetensors: not a safetensors"),
        (lambda folder: shutil.move(folder / "model.safetensors", folder / "pytorch_model.bin"), "loads with weights_only"),
        (lambda folder: (shutil.move(folder / "model.safetensors", folder / "x"),
                         (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../y"}}')),
         "y of model.safetensors.index.json not there"),
        (lambda folder: (shutil.move(folder / "model.safetensors", folder / "x"),
                         (folder / "model.safetensors.index.json").write_text("[]")), "not an index of weights"),
    ],
)  # fmt: skip
def test_what_is_no_whisper_is_said(tmp_path, change, message):
    broken(tmp_path, change)
    with pytest.raises(InputError, match=message):
        WhisperEncoder.from_checkpoint(tmp_path)


def test_the_file_alone_points_to_the_folder(tmp_path):
    made().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="of a Hugging Face model give the folder"):
        WhisperEncoder.from_checkpoint(tmp_path / "model.safetensors")

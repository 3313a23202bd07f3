"""Small checkpoints of the systems that are compared with, and a set of speech-like sounds."""

import numpy as np
import pytest
import torch
import yaml

from c2ser.ark import ArkWriter
from c2ser.audio import to_pcm16
from c2ser.datadir import DataDir
from tests.builders import randomise

LENGTHS = {"a-1": 8000, "a-2": 300, "b-1": 20000, "b-2": 12000, "b-3": 16000}


def sound(seed, samples):
    """A gliding tone with noise: float32 `(samples,)`."""
    random, time = np.random.default_rng(seed), np.arange(samples) / 16000
    tone = np.sin(2 * np.pi * (150 + 220 * seed) * time * (1 + 0.2 * seed * time))
    return (0.3 * tone + random.normal(0, 0.01 + 0.02 * seed, samples)).astype(np.float32)


@pytest.fixture(scope="session")
def test_set(tmp_path_factory):
    """A data directory with dumped audio beside its tables; not to be written to."""
    data = DataDir(tmp_path_factory.mktemp("baselines") / "test")
    with ArkWriter(data.path / "audio.ark", data.path / "wav.scp") as audio:
        for seed, (utterance, samples) in enumerate(LENGTHS.items()):
            audio[utterance] = 16000, to_pcm16(sound(seed, samples))
    data.write_speakers({utterance: utterance[0] for utterance in LENGTHS})
    data.write("utt2emo", dict(zip(LENGTHS, ("sad", "happy", "sad", "angry", "happy"))))
    data.write("utt2lang", dict.fromkeys(LENGTHS, "en") | {"b-3": "zh"})
    data.write("utt2num_samples", LENGTHS)
    return data


@pytest.fixture(scope="session")
def whole_whisper(tmp_path_factory):
    """whole_whisper(multilingual): file of a small random Whisper that writes up to eight tokens."""
    from whisper.model import ModelDimensions, Whisper

    folder = tmp_path_factory.mktemp("whole")

    def build(multilingual=True):
        path = folder / ("small.pt" if multilingual else "small.en.pt")
        if not path.exists():
            dims = {
                "n_mels": 80, "n_audio_ctx": 1500, "n_audio_state": 16, "n_audio_head": 2, "n_audio_layer": 1,
                "n_vocab": 51865 if multilingual else 51864, "n_text_ctx": 16, "n_text_state": 16, "n_text_head": 2,
                "n_text_layer": 1,
            }  # fmt: skip
            model = randomise(Whisper(ModelDimensions(**dims)), 5, 0.5)
            with torch.no_grad():
                model.decoder.blocks[0].cross_attn.out.weight.mul_(4)  # or it would not write by what it hears
            torch.save({"dims": dims, "model_state_dict": model.state_dict()}, path)
        return path

    return build


@pytest.fixture(scope="session")
def qwen2_audio_dir(llm_dir, tmp_path_factory):
    """Folder of a small random Qwen2-Audio that hears 2 s."""
    from transformers import (
        Qwen2AudioConfig,
        Qwen2AudioForConditionalGeneration,
        Qwen2AudioProcessor,
        WhisperFeatureExtractor,
    )

    from c2ser.models.language_model import load_tokenizer

    folder, tokenizer = tmp_path_factory.mktemp("qwen2_audio") / "small", load_tokenizer(llm_dir)
    special = ["<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": special, "pad_token": "</s>"})
    heard = {"num_mel_bins": 16, "d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2,
             "encoder_ffn_dim": 32, "max_source_positions": 100}  # fmt: skip
    said = {"vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 1024}  # fmt: skip
    config = Qwen2AudioConfig(
        audio_config=heard, text_config=said, audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>")
    )
    model = randomise(Qwen2AudioForConditionalGeneration(config), 1, 0.3)
    model.generation_config.repetition_penalty = 3.0  # which ours must not inherit
    model.generation_config.eos_token_id = [tokenizer.convert_tokens_to_ids("<|im_end|>"), tokenizer.eos_token_id]
    model.save_pretrained(folder)
    Qwen2AudioProcessor(WhisperFeatureExtractor(feature_size=16, chunk_length=2), tokenizer).save_pretrained(folder)
    return folder


THEIRS = "生气/angry 厌恶/disgusted 恐惧/fearful 开心/happy 中立/neutral 其他/other 难过/sad 吃惊/surprised <unk>".split()


@pytest.fixture(scope="session")
def make_plus(tmp_path_factory):
    """make_plus(tokens, head): a small random emotion2vec+ as FunASR's folder; returns it, its network and its head."""
    from c2ser.checkpoints.configuration import to_funasr
    from c2ser.checkpoints.names import AUDIO, backbone_names
    from tests.builders import backbone

    def build(tokens=THEIRS, head=True):
        folder, model = tmp_path_factory.mktemp("plus"), backbone(2)
        own = model.state_dict()
        state = {f"d2v_model.{theirs}": own[ours] for ours, theirs in backbone_names(model.config).items()}
        state[f"d2v_model.{AUDIO}alibi_scale"] = own["alibi_scale"].view(1, 1, -1, 1, 1)
        generator = torch.Generator().manual_seed(0)
        weights = {"proj.weight": 4 * torch.randn(9, 24, generator=generator), "proj.bias": torch.arange(9) / 4}
        torch.save({"model": state | (weights if head else {})}, folder / "model.pt")
        conf = {"model": "Emotion2vec", "model_conf": to_funasr(model.config)}
        (folder / "config.yaml").write_text(yaml.safe_dump(conf), encoding="utf-8")
        if tokens:
            (folder / "tokens.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
        return folder, model, weights

    return build

"""Making small models and data for tests: random from a seed, nothing fetched, a width of 16 to 32 everywhere."""

import argparse
import sys
from unittest import mock

import numpy as np
import torch
import yaml

from c2ser.ark import ArkWriter
from c2ser.audio import to_pcm16
from c2ser.cot import templates
from c2ser.cot.prompts import MODES, prompt
from c2ser.datadir import write_table
from c2ser.emotions import EMOTIONS

CONV_LAYERS = [[16, 10, 5], [16, 3, 2], [16, 3, 2], [16, 3, 2], [16, 3, 2], [16, 2, 2], [16, 2, 2]]
"""320 samples a frame and 400 at least, as in the base model."""

BACKBONE = {
    "conv_layers": CONV_LAYERS, "dim": 24, "prenet_depth": 1, "depth": 2, "heads": 3, "mlp_ratio": 2.0,
    "extra_tokens": 10, "position_width": 8, "position_depth": 2, "position_groups": 4,
}  # fmt: skip
PRETRAINING = {
    "decoder_dim": 16, "decoder_depth": 2, "decoder_kernel": 5, "decoder_groups": 4, "views": 2, "target_layers": 2,
    "min_target_variance": 0.0,
}  # fmt: skip
WHISPER = {"n_mels": 80, "n_audio_ctx": 1500, "n_audio_state": 16, "n_audio_head": 2, "n_audio_layer": 2}
CONNECTOR = {"dim": 32, "depth": 1, "heads": 2, "feedforward": 32, "dropout": 0.1}
LLM = {"vocab_size": 200, "hidden_size": 16, "num_layers": 2, "num_heads": 2}
RATIONALE = "The speaker talks slowly in a low-pitched voice, saying: “{}” The voice is subdued. Emotion: {}."


def randomise(model, seed=0, scale=0.3):
    """Draw every parameter anew from a normal distribution: initial values such as 0, 1 and 0.02 would hide faults."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * scale + (weight.dim() == 1 and 0.5))
    return model


def waves(lengths, seed=0):
    """Noise at several levels, zero-padded: float `(batch, longest)`, int `(batch,)`."""
    generator = torch.Generator().manual_seed(seed)
    single = [torch.randn(length, generator=generator) * 0.05 * (1 + row) for row, length in enumerate(lengths)]
    return torch.nn.utils.rnn.pad_sequence(single, batch_first=True), torch.tensor(lengths)


def backbone(seed=0, **changes):
    """A random Emotion2Vec in evaluation mode."""
    from c2ser.models.emotion2vec import Emotion2Vec, backbone_config

    return randomise(Emotion2Vec(backbone_config({**BACKBONE, **changes})), seed).eval()


def pretraining(seed=0, config=None, **changes):
    """A random Emotion2VecS in training mode, its teacher apart from its student."""
    from c2ser.models.emotion2vec import backbone_config
    from c2ser.models.emotion2vec_s import Emotion2VecS

    torch.manual_seed(seed)
    model = Emotion2VecS(backbone_config({**BACKBONE, **(config or {})}), **{**PRETRAINING, **changes})
    return randomise(model, seed).train()


LENGTHS = (6400, 3000, 8000, 4321)
"""Samples of the four utterances of `pretraining_step`."""
LABELS = torch.tensor([[0], [1], [0], [-1]])
"""Their labels: the last has none."""


def pretraining_step(model, label=LABELS, seed=5):
    """A training step of `pretraining`: loss, stats, weight."""
    speech, lengths = waves(list(LENGTHS))
    torch.manual_seed(seed)
    return model(speech=speech, speech_lengths=lengths, label=label, label_lengths=torch.ones(4), utt_id=list("abcd"))


def whisper_file(path, seed=0, **changes):
    """Save a random model with an encoder and a decoder as openai-whisper saves its own, in half precision."""
    from whisper.model import ModelDimensions, Whisper

    text = {"n_vocab": 51, "n_text_ctx": 8, "n_text_state": 16, "n_text_head": 2, "n_text_layer": 1}
    dims = {**WHISPER, **text, **changes}
    torch.manual_seed(seed)
    state = {key: value.half() for key, value in Whisper(ModelDimensions(**dims)).state_dict().items()}
    torch.save({"dims": dims, "model_state_dict": state}, path)
    return path


def language_model(folder):
    """A language model folder from scratch, as stage 8 makes it, with weights large enough to have opinions."""
    from transformers import LlamaForCausalLM

    from c2ser.bin import prepare_llm

    texts = [RATIONALE.format("Thank you very much.", emotion) for emotion in EMOTIONS]
    for language in ("en", "zh"):
        template = templates.load(language)
        texts += [prompt(mode, language) for mode in MODES]
        texts += [template.with_verdict("", template.emotion_name(emotion)) for emotion in EMOTIONS]
    write_table(folder.parent / "texts", {f"t{number:02d}": text for number, text in enumerate(texts)})
    options = [word for key, value in LLM.items() for word in (f"--{key}", str(value))]
    prepare_llm.main(["--out_dir", str(folder), "--texts", str(folder.parent / "texts"), *options])
    randomise(LlamaForCausalLM.from_pretrained(folder)).save_pretrained(folder)
    return folder


def task_config(task, **values):
    """What a training of `task` leaves as config.yaml, as a dict."""
    with mock.patch.object(sys, "argv", ["train"]):  # ESPnet reads the command line even here
        return {**task.get_default_config(), **values}


def c2ser_config(llm, whisper, **values):
    """A configuration of a small C2SER, as a dict."""
    from c2ser.tasks.c2ser import C2SERTask

    small = {
        "llm": llm and str(llm), "whisper": whisper and str(whisper), "connector_conf": dict(CONNECTOR), "max_epoch": 2,
        "emotion_dim": BACKBONE["dim"], "num_iters_per_epoch": 5, "llm_conf": {"rank": 2, "alpha": 2},
    }  # fmt: skip
    return task_config(C2SERTask, **{**small, **values})


def c2ser_model(config, seed=0, scale=0.3):
    """A random C2SER in evaluation mode; what it keeps frozen of the language model is as in its folder."""
    from c2ser.models.build import build_c2ser

    torch.manual_seed(seed)
    model = build_c2ser(argparse.Namespace(**config))
    trained = torch.nn.ParameterList(weight for weight in model.parameters() if weight.requires_grad)
    randomise(trained, seed, scale)
    return model.eval()


def system(folder, llm, whisper):
    """A trained system as a recipe leaves it, with random weights: model.yaml and what it names. Returns the folder.

    It answers in Chinese, where every class has a name of two letters: none is unlikely for its length alone.
    """
    from c2ser.inference.bundle import Bundle
    from c2ser.tasks.emotion2vec_s import Emotion2VecSTask

    modes = {}
    for seed, mode in enumerate(MODES, start=10):  # with these it does not say the same of all
        config = c2ser_config(llm, whisper, prompt_language="zh", model_conf={"train_mode": mode})
        modes[mode] = write_parts(folder / mode, config, c2ser_model(config, seed))
    config = task_config(Emotion2VecSTask, backbone_conf=BACKBONE, model_conf=PRETRAINING)
    emotion = {**write_parts(folder / "e2v_s", config, pretraining()), "utterance_mode": "extra_tokens"}
    Bundle(list(EMOTIONS), ["zh"], llm, whisper, emotion, modes).write(folder)
    return folder


def write_parts(folder, config, model):
    """Write config.yaml and model.pth; returns their paths."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    torch.save(model.state_dict(), folder / "model.pth")
    return {"config": folder / "config.yaml", "checkpoint": folder / "model.pth"}


def dump(folder, count=6, seed=0):
    """A set as stages 2, 4, 6 and 9 leave it: 16-bit audio, emotion tokens, labels, answers and shapes.

    Utterances of 0.15 to 0.4 s in two classes and, every third, without a label. Returns the folder.
    """
    random = np.random.default_rng(seed)
    tables = {"label": {}, "explicit": {}, "implicit": {}, "speech_shape": {}}
    with (
        ArkWriter(folder / "audio.ark", folder / "wav.scp") as audio,
        ArkWriter(folder / "emotion.ark", folder / "emotion.scp") as emotion,
    ):
        for number in range(count):
            utterance, label = f"s1_{number:02d}", number % 2
            samples = random.normal(0, 0.1, int(random.integers(2400, 6400)))
            audio[utterance] = 16000, to_pcm16(samples)
            emotion[utterance] = random.normal(size=(10, BACKBONE["dim"])).astype(np.float32)
            tables["label"][utterance] = label if number % 3 else -1
            tables["explicit"][utterance] = RATIONALE.format(f"Number {number}.", EMOTIONS[label])
            tables["implicit"][utterance] = f"Emotion: {EMOTIONS[label]}."
            tables["speech_shape"][utterance] = len(samples)
    for name, table in tables.items():
        write_table(folder / name, table)
    return folder

"""A trained Emotion2Vec-S as a feature extractor."""

import argparse
from pathlib import Path

import torch
import yaml

from c2ser.errors import InputError
from c2ser.models.emotion2vec import Emotion2Vec, backbone_config

UTTERANCE_MODES = ("extra_tokens", "first10_frames", "mean")


class EmotionEncoder:
    """Frozen Emotion2Vec-S: waveforms → utterance features for the language model and frames for probes.

    config: the experiment's config.yaml; checkpoint: its weights (of the pretraining model or of the backbone alone);
    utterance_mode: "extra_tokens" — the ten learned tokens; "first10_frames" — what the paper's released extraction
    script gives instead, for its released language model; "mean" — the mean over frames, repeated ten times. Raises
    InputError for files that do not fit together.
    """

    def __init__(self, config, checkpoint, utterance_mode="extra_tokens", device="cpu"):
        if utterance_mode not in UTTERANCE_MODES:
            raise InputError(f"utterance_mode {utterance_mode!r}: expected one of {', '.join(UTTERANCE_MODES)}")
        self.mode, self.device = utterance_mode, device
        self.model = Emotion2Vec(backbone_config(read_config(config).backbone_conf))
        load_weights(self.model, _backbone_weights(checkpoint), checkpoint)
        self.model.eval().requires_grad_(False).to(device)
        self.dim = self.model.config.dim

    @torch.no_grad()
    def __call__(self, speech, lengths):
        """float `(batch, samples)`, int `(batch,)` → utterance features `(batch, 10, dim)` and the mean over frames
        `(batch, dim)`, both float32."""
        frames, tokens, counts = self.model(speech.to(self.device), lengths.to(self.device))
        mean = frames.sum(1) / counts.clamp_min(1)[:, None]
        number = tokens.shape[1]
        if self.mode == "first10_frames":
            tokens = torch.nn.functional.pad(frames, (0, 0, 0, max(0, number - frames.shape[1])))[:, :number]
        elif self.mode == "mean":
            tokens = mean[:, None].repeat(1, number, 1)
        return tokens, mean


def read_config(path):
    """An experiment's config.yaml as a namespace. Raises InputError where it is absent or none."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; it is written where a training has started")
    try:
        return argparse.Namespace(**yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (yaml.YAMLError, TypeError) as error:
        raise InputError(f"{path}: not the config.yaml of a training ({error})") from None


def read_weights(path):
    """A state dict, read without executing anything in the file. Raises InputError."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; has the training finished?") from None
    except Exception as error:
        raise InputError(f"{path}: not a state dict that loads with weights_only ({error})") from None


def load_weights(model, state, path):
    """Load a state dict, read from `path`, into a model. Raises InputError where they do not fit together."""
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path}: does not fit the config.yaml that it is loaded with ({error})") from None


def _backbone_weights(checkpoint):
    state = read_weights(checkpoint)
    student = {key.removeprefix("student."): value for key, value in state.items() if key.startswith("student.")}
    return student or state

"""A trained Emotion2Vec-S as a feature extractor."""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
import yaml

from c2ser.checkpoints.weights import check_size, read_weights
from c2ser.encodings import read_text
from c2ser.errors import InputError, brief
from c2ser.inference.pooling import frame_statistics
from c2ser.models.emotion2vec import Emotion2Vec, backbone_config
from c2ser.models.packed import freeze
from c2ser.yamlfile import parse_yaml

UTTERANCE_MODES = ("extra_tokens", "first10_frames", "mean", "all_layers")


class EmotionEncoder:
    """Frozen Emotion2Vec-S: waveforms → utterance features for the language model, and every depth for probes.

    config: the experiment's config.yaml; checkpoint: its weights (of the pretraining model or of the backbone alone);
    utterance_mode: "extra_tokens" — the ten learned tokens; "first10_frames" — what the paper's released extraction
    script gives instead, for its released language model; "mean" — the mean over frames, repeated ten times; "all_layers" —
    the tokens after every block, the prenet's first, side by side, for a learned sum (`layers` of them); precision: "fp32" |
    "bf16", of matrix products (`c2ser.models.packed`). Raises InputError for files that do not fit together.
    """

    def __init__(self, config, checkpoint, utterance_mode="extra_tokens", device="cpu", precision="fp32"):
        if utterance_mode not in UTTERANCE_MODES:
            raise InputError(f"utterance_mode {utterance_mode!r}: expected one of {', '.join(UTTERANCE_MODES)}")
        self.mode, self.device = utterance_mode, device
        self.model = load_backbone(config, checkpoint)
        self.dim, self.extra = self.model.config.dim, self.model.config.extra_tokens
        self.blocks = [*self.model.prenet, *self.model.blocks]
        self.layers = len(self.blocks) if utterance_mode == "all_layers" else 1
        if utterance_mode in ("extra_tokens", "all_layers") and not self.extra:
            raise InputError(f"{config}: no utterance tokens in it; choose utterance_mode mean or first10_frames")
        self._arithmetic = freeze(self.model, device, precision)

    def __call__(self, speech, lengths):
        """float `(batch, samples)`, int `(batch,)` → utterance features `(batch, 10, layers · dim)` and the mean
        over frames `(batch, dim)`, both float32. Raises InputError for samples that are integers."""
        frames, tokens, counts = self._forward(speech, lengths)
        mean = frames.sum(1) / counts.clamp_min(1)[:, None]
        return self._utterance_features(frames, tokens, mean), mean

    def depths(self, speech, lengths):
        """Everything in one pass.

        float `(batch, samples)`, int `(batch,)` → utterance features `(batch, 10, layers · dim)`, one row of statistics
        a depth `(batch, layers, 3 · dim)`, both float32, and numbers of frames, int `(batch,)`. Row 0 is the input of the first
        block (positions added, normed), the others are the outputs of the blocks, the prenet's first. A row is the mean
        of the extra tokens at that depth, then mean and deviation over the frames; without extra tokens, these two.
        """
        rows, blocks = [], self.blocks
        counts = self.model.frame_lengths(lengths.to(self.device))

        def note(states):
            tokens = [states[:, : self.extra].float().mean(1)] if self.extra else []
            rows.append(torch.cat([*tokens, *frame_statistics(states[:, self.extra :], counts)], dim=1))

        hooks = [blocks[0].register_forward_pre_hook(lambda block, given: note(given[0]))]
        hooks += [block.register_forward_hook(lambda block, given, made: note(made[0])) for block in blocks]
        try:
            frames, tokens, counts = self._forward(speech, lengths)
        finally:
            for hook in hooks:
                hook.remove()
        mean = rows[-1][:, -2 * self.dim : -self.dim]
        return self._utterance_features(frames, tokens, mean), torch.stack(rows, dim=1), counts

    @torch.no_grad()
    def _forward(self, speech, lengths):
        if not speech.is_floating_point():
            raise InputError(f"speech of {speech.dtype}: expected floats within ±1 (c2ser.given.read_speech makes them)")
        every, hooks = [], []
        if self.layers > 1:
            keep = lambda block, given, made: every.append(made[0][:, : self.extra].float())  # noqa: E731
            hooks = [block.register_forward_hook(keep) for block in self.blocks]
        try:
            with self._arithmetic():
                frames, tokens, counts = self.model(speech.to(self.device), lengths.to(self.device))
        finally:
            for hook in hooks:
                hook.remove()
        return frames.float(), torch.cat(every, dim=-1) if every else tokens.float(), counts

    def _utterance_features(self, frames, tokens, mean):
        number = self.extra or 10
        if self.mode == "first10_frames":
            return F.pad(frames, (0, 0, 0, max(0, number - frames.shape[1])))[:, :number]
        return mean[:, None].repeat(1, number, 1) if self.mode == "mean" else tokens


def load_backbone(config, checkpoint):
    """The `Emotion2Vec` of an experiment's config.yaml with its weights. Raises InputError where they do not fit."""
    settings, state = backbone_config(read_config(config).backbone_conf), backbone_weights(checkpoint)
    check_size(lambda: Emotion2Vec(settings), state, settings.prenet_depth + settings.depth, checkpoint)
    model = Emotion2Vec(settings)
    load_weights(model, state, checkpoint)
    return model


def backbone_weights(checkpoint):
    """The weights of the backbone alone, out of those of the pretraining model or of the backbone."""
    state = read_weights(checkpoint)
    student = {key.removeprefix("student."): value for key, value in state.items() if key.startswith("student.")}
    return student or state


def read_config(path):
    """An experiment's config.yaml as a namespace. Raises InputError where it is absent or none."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; it is written where a training has started")
    try:
        return argparse.Namespace(**parse_yaml(read_text(path)))
    except (yaml.YAMLError, TypeError) as error:
        raise InputError(f"{path}: not the config.yaml of a training ({brief(error)})") from None


def load_weights(model, state, path):
    """Load a state dict, read from `path`, into a model. Raises InputError where they do not fit together."""
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path}: does not fit the config.yaml that it is loaded with ({brief(error)})") from None

"""The supervised baseline: the backbone of Emotion2Vec-S trained from scratch to name the emotion, nothing else.

What self-distillation and the contrastive term are worth shows beside the same network on the same data with neither.
"""

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.models.emotion2vec import Emotion2Vec
from c2ser.models.masking import masked_mean
from c2ser.models.start import make_start

POOLINGS = ("tokens", "frames", "both")


class EmotionClassifier(nn.Module):
    """`Emotion2Vec` → mean of its utterance tokens, of its frames, or both side by side → Linear → cross-entropy.

    pooling: "tokens" | "frames" | "both"; dropout: before the Linear; label_smoothing: of the cross-entropy;
    teacher_updates, teacher, keep_frames: of a start as in Emotion2VecS. The backbone is called `student`, as in the pretraining model, so that the same command extracts its features.
    """

    def __init__(
        self, config, pooling="tokens", dropout=0.1, label_smoothing=0.0, teacher_updates=0, teacher="mel",
        keep_frames=False,
    ):  # fmt: skip
        super().__init__()
        if pooling not in POOLINGS:
            raise InputError(f"model_conf: pooling {pooling!r}: expected one of {', '.join(POOLINGS)}")
        self.student = Emotion2Vec(config)
        self.pooling, self.label_smoothing = pooling, label_smoothing
        self.teacher_updates = teacher_updates
        self.start = make_start(self.student, teacher, teacher_updates, keep_frames)
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(config.dim * (2 if pooling == "both" else 1), len(EMOTIONS))

    def forward(
        self, speech, speech_lengths, label, utt_id=None, teacher_frames=None, teacher_frames_lengths=None, **_
    ):
        """One training step.

        speech: float `(batch, samples)` at 16 kHz; speech_lengths: int `(batch,)`; label: int `(batch, 1)` class index,
        −1 for unlabelled, which take no part. Returns (loss, stats, weight) as ESPnet's trainer expects; the weight
        counts the labelled utterances, and a batch with none has loss 0 and next to no weight.
        """
        if self.start is not None and self.updates < self.teacher_updates + (not self.training):
            return self.start.step(
                self.student, speech, speech_lengths, None, utt_id, teacher_frames, teacher_frames_lengths
            )
        label = label.view(-1)
        known = label >= 0
        logits = self.logits(speech, speech_lengths)
        with torch.autocast(logits.device.type, enabled=False):
            errors = F.cross_entropy(
                logits.float(), label, ignore_index=-1, reduction="sum", label_smoothing=self.label_smoothing
            )
        weight = known.sum().float().clamp_min(1e-6)
        loss = errors / weight.clamp_min(1.0)
        right = ((logits.argmax(-1) == label) & known).sum() / weight.clamp_min(1.0)
        return loss, {"loss": loss.detach().clone(), "acc": right}, weight

    def logits(self, speech, lengths):
        """Scores of the classes of `c2ser.emotions.EMOTIONS`, float `(batch, classes)`."""
        frames, tokens, counts = self.student(speech, lengths)
        inside = torch.arange(frames.shape[1], device=frames.device) < counts[:, None]
        pooled = {"tokens": tokens.mean(1).float(), "frames": masked_mean(frames, inside)}
        chosen = list(pooled.values()) if self.pooling == "both" else [pooled[self.pooling]]
        return self.classify(self.dropout(torch.cat(chosen, dim=-1)))

    def collect_feats(self, **batch):
        """Nothing to collect: the network normalises its own input."""
        return {}

    def begin(self):
        """Count updates from here."""
        self.updates.zero_()

    def after_step(self):
        """The trainer calls this after every step of the optimiser."""
        self.updates += 1

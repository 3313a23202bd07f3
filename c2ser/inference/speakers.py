"""What is known of speakers without labels: the means of their own recordings, which `standardize: speaker` takes off.

As Kaldi's cepstral mean normalisation with utt2spk, on what frozen encoders give. The means must not be those of one mood
alone, or they take the mood off with the speaker. Every recording counts alike, however long it is.
"""

import numpy as np
import torch

from c2ser.inference.pooling import frame_statistics, join_chunks
from c2ser.models.build import build_encoder


class FrameMeans:
    """An extractor for `c2ser.inference.extraction.extract`: `frames`, the mean over an utterance's frames `(dim,)` of
    the encoder that a training with these options (whisper, whisper_blocks) has. Raises InputError as `build_encoder`."""

    names = ("frames",)
    join = {"frames": lambda values, counts: join_chunks(values, counts, 0)}

    def __init__(self, options, device="cpu"):
        self.encoder, self.device = build_encoder(options).eval().to(device), device

    @torch.no_grad()
    def __call__(self, speech, lengths):
        frames, counts = self.encoder(speech.to(self.device), lengths.to(self.device))
        return {"frames": frame_statistics(frames, counts)[0].cpu().numpy()}, counts.tolist()


def means_of_speakers(features, speakers):
    """Speaker → float32 `(dim,)`. features: pairs of an utterance and its mean `(dim,)`; speakers: utterance → speaker."""
    sums, counts = {}, {}
    for utterance, mean in features:
        speaker = speakers[utterance]
        sums[speaker] = sums.get(speaker, 0.0) + np.asarray(mean, np.float64)
        counts[speaker] = counts.get(speaker, 0) + 1
    return {speaker: (total / counts[speaker]).astype(np.float32) for speaker, total in sums.items()}

"""A spectral start for Emotion2Vec-S, ours and not the paper's: the front end first learns to tell the log-mel spectrum.

A front end that hears raw samples learns next to nothing from a teacher as untrained as itself, or from the labels of
minutes of speech; the spectrum asks something of every frame. HuBERT's first targets, made from MFCCs, serve the same end
(Hsu et al., 2021). No label is used.
"""

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.audio import SAMPLE_RATE
from c2ser.models.distributed import joint_mean
from c2ser.models.emotion2vec import normalise_waveform

MELS = 80
FLOOR = 1e-4
"""Least power in a mel band, that of a waveform of unit variance being about 1: silence is not made interesting."""


class SpectralStart(nn.Module):
    """Linear regression from the front end's frames to the log-mel spectrum of what each of them hears.

    dim: width of the frames; reach, stride: samples that a frame hears, and samples between two (see ConvFrontend).
    """

    def __init__(self, dim, reach, stride):
        super().__init__()
        import torchaudio

        self.reach, self.stride = reach, stride
        self.predict = nn.Linear(dim, MELS)
        filters = torchaudio.functional.melscale_fbanks(
            reach // 2 + 1, 0.0, SAMPLE_RATE / 2, MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, local, inside, speech, lengths):
        """Mean squared error of every frame inside, float `(frames inside,)`.

        local: float `(batch, frames, dim)`; inside: bool `(batch, frames)`; speech: float `(batch, samples)` at 16 kHz;
        lengths: int `(batch,)`. The spectrum is taken relative to each utterance's own mean and deviation.
        """
        wanted = self.spectrum(speech, lengths)[:, : local.shape[1]]
        weight = inside[:, :, None].float()
        count = weight.sum((1, 2), keepdim=True).clamp_min(1) * MELS
        mean = (wanted * weight).sum((1, 2), keepdim=True) / count
        deviation = (((wanted - mean) ** 2 * weight).sum((1, 2), keepdim=True) / count).sqrt()
        errors = ((self.predict(local).float() - (wanted - mean) / (deviation + 1e-5)) ** 2).mean(-1)
        return errors[inside]

    def step(self, model, speech, lengths, groups=None):
        """One training step of an `Emotion2Vec`'s front end: (loss, stats, weight) as ESPnet's trainer expects.

        speech: float `(batch, samples)` at 16 kHz; lengths: int `(batch,)`; groups: (rows, samples of the longest) of what is
        computed together, None for all at once. Every frame of the batch, over all processes, counts alike.
        """
        errors = []
        for rows, longest in groups or [(slice(None), speech.shape[1])]:
            part = speech[rows, :longest], lengths[rows]
            errors.append(self(*model.embed(*part), *part))
        errors = torch.cat(errors)
        loss = joint_mean(errors, torch.ones_like(errors), len(speech))
        stats = {"loss_spectrum": loss.detach().clone(), "loss": loss.detach().clone()}
        return loss, stats, loss.new_tensor(float(len(speech)))

    @torch.no_grad()
    def spectrum(self, speech, lengths):
        """float `(batch, samples)`, int `(batch,)` → log10 mel power `(batch, frames, mels)` of the normalised waveform, in
        float32 whatever autocast says."""
        with torch.autocast(speech.device.type, enabled=False):
            speech = normalise_waveform(speech.float(), lengths)
            speech = F.pad(speech, (0, max(0, self.reach - speech.shape[1])))
            window = torch.hann_window(self.reach, device=speech.device)
            spectrum = torch.stft(speech, self.reach, self.stride, window=window, center=False, return_complex=True)
            return (spectrum.abs().square().transpose(1, 2) @ self.filters).clamp_min(FLOOR).log10()

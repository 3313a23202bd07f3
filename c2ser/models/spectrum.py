"""The log-mel spectrum of what each frame of a front end hears: the teacher "mel" of a start (start.py)."""

import torch
import torch.nn.functional as F
from torch import nn

from c2ser.audio import SAMPLE_RATE
from c2ser.models.emotion2vec import normalise_waveform

MELS = 80
FLOOR = 1e-4
"""Least power in a mel band, that of a waveform of unit variance being about 1: silence is not made interesting."""


class Spectrum(nn.Module):
    """Targets of a start, relative to each utterance's own mean and deviation.

    reach, stride: samples that a frame hears, and samples between two (see ConvFrontend). `width`: of a target.
    """

    width = MELS

    def __init__(self, reach, stride):
        super().__init__()
        import torchaudio

        self.reach, self.stride = reach, stride
        filters = torchaudio.functional.melscale_fbanks(
            reach // 2 + 1, 0.0, SAMPLE_RATE / 2, MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, speech, lengths, inside, names=None, given=None):
        """float `(batch, samples)` at 16 kHz, int `(batch,)`, bool `(batch, frames)` → float32 `(batch, frames, width)`."""
        wanted = self.spectrum(speech, lengths)[:, : inside.shape[1]]
        weight = inside[:, :, None].float()
        count = weight.sum((1, 2), keepdim=True).clamp_min(1) * MELS
        mean = (wanted * weight).sum((1, 2), keepdim=True) / count
        deviation = (((wanted - mean) ** 2 * weight).sum((1, 2), keepdim=True) / count).sqrt()
        return (wanted - mean) / (deviation + 1e-5)

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

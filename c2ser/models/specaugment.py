"""SpecAugment (Park et al., 2019) on a single log-mel spectrogram."""

import torch


class SpecAugment:
    """Replace random bands of time and of frequency by the spectrogram's mean.

    time_masks × up to time_width frames (10 ms each), never more than time_ratio of the utterance a mask, so that
    short clips stay audible; frequency_masks × up to frequency_width bins. Defaults: the paper's released configuration.
    """

    def __init__(self, time_masks=2, time_width=50, time_ratio=0.2, frequency_masks=2, frequency_width=10):
        self.time_masks, self.time_width, self.time_ratio = time_masks, time_width, time_ratio
        self.frequency_masks, self.frequency_width = frequency_masks, frequency_width

    def __call__(self, mel):
        """`(bins, frames)` → the same, masked. Draws from torch's global generator."""
        mel, fill = mel.clone(), mel.mean()
        widest = min(self.time_width, int(mel.shape[1] * self.time_ratio))
        for _ in range(self.time_masks):
            start, end = draw_band(mel.shape[1], widest)
            mel[:, start:end] = fill
        for _ in range(self.frequency_masks):
            start, end = draw_band(mel.shape[0], self.frequency_width)
            mel[start:end] = fill
        return mel


def draw_band(size, widest):
    """A random band [start, end) of up to `widest` within `size`."""
    width = int(torch.randint(0, min(widest, size) + 1, ()))
    start = int(torch.randint(0, size - width + 1, ()))
    return start, start + width

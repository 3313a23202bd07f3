"""What both tasks share: the trainer, the collate function, the scale of dumped audio."""

import torch
from espnet2.tasks.abs_task import AbsTask

from c2ser.tasks.trainer import AtomicTrainer

PCM_SCALE = 1.0 / 32768.0
"""dump/ holds 16-bit samples, which ESPnet hands over as they are; models expect [-1, 1]."""

LABEL_PADDING = -1
"""Pads integer sequences, and is the label of an unlabelled utterance."""


class SpeechTask(AbsTask):
    """Base of the tasks: speech in, dumped as 16-bit ark."""

    num_optimizers = 1
    trainer = AtomicTrainer
    class_choices_list = []

    @classmethod
    def build_collate_fn(cls, args, train):
        return collate


def collate(batch):
    """Pad a batch: list of (utterance, name → array `(length, …)`) → utterances, name → tensor `(batch, longest, …)` and
    name_lengths → int `(batch,)`.

    Floats are padded with 0, integers with −1. ESPnet's own function does the same, but importing it imports every
    grapheme-to-phoneme converter that ESPnet knows, which takes longer than a small training.
    """
    utterances, items = zip(*batch)
    padded = {}
    for name in items[0]:
        arrays = [torch.as_tensor(item[name]) for item in items]
        value = 0.0 if arrays[0].is_floating_point() else LABEL_PADDING
        padded[name] = torch.nn.utils.rnn.pad_sequence(arrays, batch_first=True, padding_value=value)
        padded[f"{name}_lengths"] = torch.tensor([len(array) for array in arrays])
    return list(utterances), padded

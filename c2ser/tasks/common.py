"""What both tasks share: the trainer, the collate function, the scale of dumped audio."""

from espnet2.tasks.abs_task import AbsTask
from espnet2.train.collate_fn import CommonCollateFn

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
        return CommonCollateFn(float_pad_value=0.0, int_pad_value=LABEL_PADDING)

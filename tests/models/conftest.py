"""A batch for C2SER models."""

import pytest
import torch

from c2ser.models.language_model import answer_ids
from tests.builders import BACKBONE, RATIONALE, waves


@pytest.fixture(scope="session")
def model(make_c2ser):
    """A small C2SER with LoRA, Whisper and emotion tokens; not to be changed."""
    return make_c2ser()


@pytest.fixture(scope="session")
def batch(tokenizer):
    """Three utterances of 0.2 to 0.5 s as the task's collate function gives them."""
    speech, lengths = waves([5000, 3200, 8000])
    torch.manual_seed(0)
    spoken = (("No.", "sad"), ("Thank you.", "happy"), ("I", "sad"))
    texts = {
        "explicit": [RATIONALE.format(words, emotion) for words, emotion in spoken],
        "implicit": [f"Emotion: {emotion}." for _, emotion in spoken],
    }
    made = {"speech": speech, "speech_lengths": lengths, "emotion": torch.randn(3, 10, BACKBONE["dim"])}
    for mode, answers in texts.items():
        ids = [torch.tensor(answer_ids(tokenizer, answer)) for answer in answers]
        made[mode] = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=-1)
        made[f"{mode}_lengths"] = torch.tensor([len(row) for row in ids])
    return made

"""Small C2SER models, and a batch for them."""

import pytest
import torch

from c2ser.models.language_model import answer_ids
from tests.builders import BACKBONE, RATIONALE, c2ser_config, c2ser_model, waves


@pytest.fixture(scope="session")
def make(llm_dir, whisper_pt):
    """make(option=…): a small random C2SER in evaluation mode; `weights` is the seed of what it learns."""

    def build(weights=0, llm=llm_dir, whisper=whisper_pt, **options):
        return c2ser_model(c2ser_config(llm, whisper, **options), weights)

    return build


@pytest.fixture(scope="session")
def model(make):
    """One with LoRA, Whisper and emotion tokens; not to be changed."""
    return make()


@pytest.fixture(scope="session")
def batch(tokenizer):
    """Three utterances of 0.2 to 0.5 s as the task's collate function gives them."""
    speech, lengths = waves([5000, 3200, 8000])
    torch.manual_seed(0)
    texts = {
        "explicit": [RATIONALE.format(words, emotion) for words, emotion in (("No.", "sad"), ("Thank you.", "happy"), ("I", "sad"))],
        "implicit": ["Emotion: sad.", "Emotion: happy.", "Emotion: sad."],
    }
    made = {"speech": speech, "speech_lengths": lengths, "emotion": torch.randn(3, 10, BACKBONE["dim"])}
    for mode, answers in texts.items():
        ids = [torch.tensor(answer_ids(tokenizer, answer)) for answer in answers]
        made[mode] = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=-1)
        made[f"{mode}_lengths"] = torch.tensor([len(row) for row in ids])
    return made

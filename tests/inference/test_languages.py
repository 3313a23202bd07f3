"""A system that answers in the language of the speech is scored in it: Chinese and English answers, learnt by heart."""

import numpy as np
import pytest
import torch

from c2ser.bin import make_bundle
from c2ser.cot import templates
from c2ser.datadir import write_table
from c2ser.emotions import EMOTIONS
from c2ser.inference.bundle import Bundle
from c2ser.inference.predictor import Decoding, Predictor
from c2ser.models.language_model import answer_ids
from tests.builders import BACKBONE, c2ser_config, c2ser_model, write_parts

SPOKEN = ["zh"] * 7 + ["en"] * 7


@pytest.fixture(scope="module")
def learnt(llm_dir, tokenizer, tmp_path_factory):
    """(folder of the parts, emotion tokens): every class once in each language, until all answers are known."""
    folder = tmp_path_factory.mktemp("languages")
    config = c2ser_config(
        llm_dir, None, specaug=False, llm_conf={"train": "full"}, model_conf={"train_mode": "implicit"},
        connector_conf={"dim": 32, "depth": 1, "heads": 2, "feedforward": 32, "dropout": 0.0},
    )  # fmt: skip
    model = c2ser_model(config, scale=0.1).train()
    emotion = torch.randn(14, 10, BACKBONE["dim"], generator=torch.Generator().manual_seed(0))
    texts = [templates.load(code).implicit_answer(label) for code, label in zip(SPOKEN, EMOTIONS * 2)]
    answers = [answer_ids(tokenizer, text) for text in texts]
    answers = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in answers], True, padding_value=-1)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(300):
        loss, stats, _ = model(implicit=answers, emotion=emotion)
        if stats["acc_answer_implicit"] == 1 and loss < 0.05:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert stats["acc_answer_implicit"] == 1
    parts = write_parts(folder / "implicit", config, model)
    return folder, parts, emotion.numpy()


def system(learnt, llm_dir, answered):
    """What stage 11 leaves of a training set whose answers are in these languages."""
    folder, parts, _ = learnt
    names = [f"u{number:02d}" for number in range(14)]
    write_table(folder / "train/utt2emo", dict(zip(names, EMOTIONS * 2)))
    write_table(folder / "train/utt2lang", dict(zip(names, answered)))
    write_table(folder / "train/cot_implicit", dict.fromkeys(names, "an answer"))
    argv = ["--train_dir", folder / "train", "--llm", llm_dir, "--language", "auto", "--out_dir", folder]
    make_bundle.main([str(word) for word in [*argv, "--mode", "implicit", parts["config"], parts["checkpoint"]]])
    return folder


def right(folder, learnt, rows, **decoding):
    """How many of some utterances each of the three methods answers rightly."""
    decoding = Decoding(max_new_tokens={"explicit": 12, "implicit": 12}, **decoding)
    silence = [np.zeros(4000, np.float32)] * len(rows)
    made = Predictor(folder, decoding=decoding)(silence, emotion=[learnt[2][row] for row in rows])
    wanted = [EMOTIONS[row % 7] for row in rows]
    methods = ("parsed", "label", "constrained")
    return [sum(getattr(one, method) == label for one, label in zip(made, wanted)) for method in methods]


def test_answers_are_scored_in_the_language_they_were_trained_in(learnt, llm_dir):
    folder = system(learnt, llm_dir, ["zh"] * 14)
    assert Bundle.read(folder).languages == ["zh"]
    assert right(folder, learnt, range(7)) == [7, 7, 7]
    _, scored, constrained = right(folder, learnt, range(7), languages=["en"])
    assert scored < 7 and constrained < 7  # the other language tells less: it matters which is taken


def test_a_joint_system_is_scored_in_all_its_languages(learnt, llm_dir):
    folder = system(learnt, llm_dir, SPOKEN)
    assert sorted(Bundle.read(folder).languages) == ["en", "zh"]
    assert right(folder, learnt, range(14)) == [14, 14, 14]

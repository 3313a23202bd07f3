"""The tokens that name the emotion can weigh more in a rationale's loss."""

import pytest
import torch
import torch.nn.functional as F

from c2ser.cot import templates
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.models.distillation import verdict_ids
from c2ser.models.language_model import answer_ids
from c2ser.models.verdict import verdict_tokens
from tests.closeness import assert_rounds_alike, nearly


ENGLISH = [[1, 2, 50, 8, 9], [1, 2, 51, 8, 9], [1, 2, 52, 53, 8, 9]]  # Emotion : angry . end; disg usted
CHINESE = [[3, 60, 61, 9], [3, 62, 9], [3, 60, 63, 9]]  # the full stop is joined to no name


def rows(*ids):
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in ids], batch_first=True, padding_value=-1)


@pytest.mark.parametrize(
    ("answer", "verdict", "wanted"),
    [
        ([30, 31, 1, 2, 50, 8, 9], ENGLISH[0], [4]),
        ([30, 31, 1, 2, 52, 53, 8, 9], ENGLISH[2], [4, 5]),
        ([30, 44, 2, 51, 8, 9], ENGLISH[1], [3]),  # in context its first token is another
        ([30, 44, 9], ENGLISH[1], []),
        (ENGLISH[0], ENGLISH[0], [2]),
        ([30, 3, 60, 63, 9], CHINESE[2], [2, 3]),
        ([30, 3, 62, 9], CHINESE[1], [2]),
        ([30, 1, 2, 77, 8, 9], [1, 2, 77, 8, 9], [3]),  # a class beyond those that are known
    ],
)
def test_the_tokens_that_name_the_class(answer, verdict, wanted):
    others = [30, 31, 32, 33, 34, 35, 36, 1, 2, 50, 8, 9], ENGLISH[0]
    found = verdict_tokens(rows(answer, others[0]), rows(verdict, others[1]), [ENGLISH, CHINESE])
    assert found[0].nonzero()[:, 0].tolist() == wanted
    assert found[1].nonzero()[:, 0].tolist() == [9]


def test_they_are_the_emotion_alone_in_the_text(tokenizer):
    """Of a real tokenizer's rationales in two languages: what is weighed reads as the name of the emotion."""
    classes = [[[token for token in one if token >= 0] for one in language] for language in verdict_ids(tokenizer, EMOTIONS).tolist()]
    texts = {"en": "The voice is tense. ", "zh": "声音紧张。"}
    for language, text in texts.items():
        template = templates.load(language)
        for emotion in EMOTIONS:
            short = template.implicit_answer(emotion)
            answer, verdict = (answer_ids(tokenizer, words) for words in (text + short, short))
            found = verdict_tokens(rows(answer), rows(verdict), classes)[0].nonzero()[:, 0].tolist()
            named = tokenizer.decode([answer[place] for place in found]).strip()
            name = template.emotion_name(emotion)
            assert named and named.strip("▁ ") in name and len(named) >= len(name) - 2, (name, named)


@torch.no_grad()
def test_loss_is_the_weighted_mean(make_c2ser, batch, tokenizer):
    model = make_c2ser(model_conf={"verdict_weight": 4.0})
    heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    embed, total, weights = model.llm.get_input_embeddings(), 0.0, 0.0
    for row, prefix in enumerate(model.prefixes("explicit", heard, lengths)):
        answer, verdict = (batch[mode][row][batch[mode][row] >= 0] for mode in ("explicit", "implicit"))
        logits = model.llm(inputs_embeds=torch.cat([prefix, embed(answer[:-1])])[None]).logits[0, len(prefix) - 1 :]
        weight = torch.ones(len(answer))
        text = [tokenizer.decode(answer[: place + 1]) for place in range(len(answer))]
        start = text[-1].rindex("Emotion:") + len("Emotion:")
        inside = [start < len(part) and "." not in part[start:] for part in text]
        weight[torch.tensor(inside)] = 4.0  # what is written between "Emotion:" and the full stop
        assert 0 < sum(inside) < len(verdict)
        total += float((F.cross_entropy(logits, answer, reduction="none") * weight).sum())
        weights += float(weight.sum())
    loss, stats, _ = model(**batch)
    assert loss.item() == nearly(total / weights)
    plain, plain_stats, _ = make_c2ser()(**batch)
    assert abs(plain.item() - loss.item()) > 1e-4 and float(plain_stats["acc"]) == float(stats["acc"])


def test_a_bare_verdict_weighs_as_it_did(make_c2ser, batch):
    options = {"train_mode": "implicit"}
    weighted = make_c2ser(model_conf={**options, "verdict_weight": 4.0})(**batch)[0]
    assert_rounds_alike(weighted.detach(), make_c2ser(model_conf=options)(**batch)[0].detach())


def test_it_must_be_positive(make_c2ser):
    with pytest.raises(InputError, match="verdict_weight 0: must be positive"):
        make_c2ser(model_conf={"verdict_weight": 0})

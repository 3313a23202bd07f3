"""The tokens that name the emotion can weigh more in a rationale's loss."""

import pytest
import torch
import torch.nn.functional as F

from c2ser.errors import InputError
from c2ser.models.c2ser import verdict_tokens


def test_the_common_end_is_the_verdict():
    answers = torch.tensor([[5, 6, 7, 8, -1], [9, 4, 8, -1, -1], [3, 3, 3, 3, 3], [4, 8, -1, -1, -1]])
    verdicts = torch.tensor([[1, 7, 8, -1], [4, 8, -1, -1], [2, -1, -1, -1], [4, 8, -1, -1]])
    wanted = torch.tensor([[0, 0, 1, 1, 0], [0, 1, 1, 0, 0], [0] * 5, [1, 1, 0, 0, 0]], dtype=torch.bool)
    assert torch.equal(verdict_tokens(answers, verdicts), wanted)


@torch.no_grad()
def test_loss_is_the_weighted_mean(make_c2ser, batch):
    model = make_c2ser(model_conf={"verdict_weight": 4.0})
    heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    embed, total, weights = model.llm.get_input_embeddings(), 0.0, 0.0
    for row, prefix in enumerate(model.prefixes("explicit", heard, lengths)):
        answer, verdict = (batch[mode][row][batch[mode][row] >= 0] for mode in ("explicit", "implicit"))
        logits = model.llm(inputs_embeds=torch.cat([prefix, embed(answer[:-1])])[None]).logits[0, len(prefix) - 1 :]
        weight = torch.ones(len(answer))
        weight[-len(verdict) + 1 :] = 4.0  # all but its first token are the same here in context and alone
        if answer[-len(verdict)] == verdict[0]:
            weight[-len(verdict)] = 4.0
        total += float((F.cross_entropy(logits, answer, reduction="none") * weight).sum())
        weights += float(weight.sum())
    loss, stats, _ = model(**batch)
    assert loss.item() == pytest.approx(total / weights, abs=1e-5)
    plain, plain_stats, _ = make_c2ser()(**batch)
    assert abs(plain.item() - loss.item()) > 1e-4 and float(plain_stats["acc"]) == float(stats["acc"])


def test_a_bare_verdict_weighs_as_it_did(make_c2ser, batch):
    options = {"train_mode": "implicit"}
    weighted = make_c2ser(model_conf={**options, "verdict_weight": 4.0})(**batch)[0]
    assert torch.equal(weighted, make_c2ser(model_conf=options)(**batch)[0])


def test_it_must_be_positive(make_c2ser):
    with pytest.raises(InputError, match="verdict_weight 0: must be positive"):
        make_c2ser(model_conf={"verdict_weight": 0})

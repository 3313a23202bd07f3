"""Batches that ask for the style, levels that are told, verdicts that come first: against loops of their own."""

import pytest
import torch
import torch.nn.functional as F

from c2ser.cot.prompts import prompt
from c2ser.cot.questions import ANSWERED, answer
from c2ser.emotions import EMOTIONS
from c2ser.errors import InputError
from c2ser.models.distillation import verdict_ids
from c2ser.models.language_model import answer_ids
from c2ser.models.schedule import asked_question, explicit_batch
from c2ser.models.verdict import verdict_tokens
from tests.closeness import nearly


def padded(rows):
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=-1)


def styled(tokenizer, levels):
    """Data `style` of utterances whose speed is known, or None."""
    ids = [answer_ids(tokenizer, answer("speed", level, "en")) if level else [-1] for level in levels]
    table = torch.full((len(levels), len(ANSWERED), max(map(len, ids))), -1)
    for row, one in enumerate(ids):
        table[row, 0, : len(one)] = torch.tensor(one)
    return table, ids


@torch.no_grad()
def by_hand(model, tokenizer, heard, lengths, question, ids, told=()):
    """Mean over the answers' tokens, each utterance alone, of −log p."""
    embed, losses = model.llm.get_input_embeddings(), []
    before = embed(torch.tensor(tokenizer(question)["input_ids"]))
    for row, one in enumerate(ids):
        if one == [-1]:
            continue
        parts = [before, model.speech_ends.weight[:1], embed(torch.tensor(told[row], dtype=torch.long)) if told else before[:0]]
        parts += [heard[row, : lengths[row]], model.speech_ends.weight[1:], embed(torch.tensor(one))]
        logits = model.llm(inputs_embeds=torch.cat(parts)[None], use_cache=False).logits[0]
        losses.append(F.cross_entropy(logits[-len(one) - 1 : -1], torch.tensor(one), reduction="none"))
    return float(torch.cat(losses).mean())


@torch.no_grad()
def test_a_batch_asks_one_thing_of_those_of_whom_it_is_known(make_c2ser, batch, tokenizer):
    model = make_c2ser(model_conf={"style_questions": 0.999, "questions": ["speed"]}).train()
    _, stats, weight = model(**batch, style=styled(tokenizer, ["low", None, "high"])[0])
    assert set(stats) == {"loss", "loss_speed", "acc", "acc_answer_speed"} and float(weight) == 3


@torch.no_grad()
def test_loss_of_a_question_by_hand(make_c2ser, batch, tokenizer):
    model = make_c2ser(model_conf={"style_questions": 0.5})
    style, ids = styled(tokenizer, ["low", None, "high"])
    heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    loss, *_ = model.answer_loss("speed", heard, lengths, style[:, 0], batch["implicit"])
    assert float(loss) == nearly(by_hand(model, tokenizer, heard, lengths, "How fast does the speaker talk?", ids))
    swapped = style.clone()
    swapped[1] = style[0]
    assert float(model.answer_loss("speed", heard, lengths, swapped[:, 0])[0]) != nearly(float(loss))
    nothing, accuracy, whole = model.answer_loss("speed", heard, lengths, torch.full_like(style[:, 0], -1))
    assert float(nothing) == float(accuracy) == float(whole) == 0


@torch.no_grad()
def test_what_is_told_stands_before_what_is_heard(make_c2ser, batch, tokenizer):
    model = make_c2ser(measured_style=True)
    told = [[5, 6, 7], [], [8]]
    measured = padded([row or [-1] for row in told])
    heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    ids = [[one for one in row if one >= 0] for row in batch["implicit"].tolist()]
    wanted = by_hand(model, tokenizer, heard, lengths, prompt("implicit"), ids, told)
    assert float(model.answer_loss("implicit", *model.tell(heard, lengths, measured), batch["implicit"])[0]) == nearly(wanted)
    assert float(model.answer_loss("implicit", heard, lengths, batch["implicit"])[0]) != nearly(wanted)
    model.train_mode = "implicit"
    assert float(model(**batch, measured=measured)[0]) == nearly(wanted)
    with pytest.raises(InputError, match="no data `measured`"):
        model(**batch)


def test_questions_without_data_are_refused(make_c2ser, batch):
    model = make_c2ser(model_conf={"style_questions": 0.999, "questions": ["speed", "words"]}).train()
    with pytest.raises(InputError, match="no data `(style|words)`"):
        model(**batch)
    for wrong in ({"style_questions": 1.0}, {"style_questions": 0.5, "questions": ["tempo"]}):
        with pytest.raises(InputError, match="style_questions|questions"):
            make_c2ser(model_conf=wrong)


def test_the_share_of_batches_that_ask():
    asked = [asked_question(batch, 0.3, ("a", "b", "c"), 7) for batch in range(3000)]
    counts = [asked.count(question) / 3000 for question in ("a", "b", "c", None)]
    assert counts == pytest.approx([0.1, 0.1, 0.1, 0.7], abs=0.02)
    assert asked == [asked_question(batch, 0.3, ("a", "b", "c"), 7) for batch in range(3000)]
    aloud = [explicit_batch(batch, 3000, 7) for batch in range(3000)]  # in half of all, whether they ask or not
    for asks in (True, False):
        chosen = [said for said, question in zip(aloud, asked) if (question is not None) == asks]
        assert sum(chosen) / len(chosen) == pytest.approx(0.5, abs=0.05)
    assert not any(asked_question(batch, 0, ("a",), 7) for batch in range(100))


def test_the_class_is_named_where_the_verdict_comes_first(tokenizer):
    classes = [[[token for token in one if token >= 0] for one in language] for language in verdict_ids(tokenizer, EMOTIONS).tolist()]
    for emotion in EMOTIONS:
        answer = answer_ids(tokenizer, f"Emotion: {emotion}. The voice is tense.")
        verdict = answer_ids(tokenizer, f"Emotion: {emotion}.")
        found = verdict_tokens(padded([answer]), padded([verdict]), classes, "first")[0].nonzero()[:, 0].tolist()
        named = tokenizer.decode([answer[place] for place in found]).strip()
        assert named and named in emotion and len(named) >= len(emotion) - 2, (named, emotion)

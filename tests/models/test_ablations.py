"""C2SER without Whisper, Emotion2Vec-S, chain of thought or speech; what is said where input is missing."""

import pytest
import torch

from c2ser.cot.prompts import prompt
from c2ser.errors import InputError
from c2ser.models.language_model import transcript_ids
from tests.closeness import nearly


def test_without_whisper(make_c2ser, batch, tokenizer):
    model = make_c2ser(whisper=None)
    assert model.encoder is None and model.subsampler is None
    with torch.no_grad():
        loss = model(**batch)[0].item()
        assert model(**{**batch, "speech": batch["speech"] + 1})[0].item() == nearly(loss)
        assert model(**{**batch, "emotion": batch["emotion"] + 1})[0].item() != pytest.approx(loss, abs=1e-4)
        lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])[1]
    assert lengths.tolist() == [10, 10, 10]


def test_without_emotion_tokens(make_c2ser, batch):
    model = make_c2ser(emotion_dim=0)
    given = {name: value for name, value in batch.items() if not name.startswith("emotion")}
    with torch.no_grad():
        loss = model(**given)[0].item()
        assert model(**batch)[0].item() == nearly(loss)
        alone = [model(**{name: value[row : row + 1] for name, value in given.items()})[0].item() for row in range(3)]
    assert len(set(alone)) == 3


def test_without_both_nothing_is_heard(make_c2ser):
    with pytest.raises(InputError, match="neither Whisper nor Emotion2Vec-S"):
        make_c2ser(whisper=None, emotion_dim=0)


def test_without_chain_of_thought_every_batch_is_a_verdict(make_c2ser, batch):
    for mode in ("explicit", "explicit_to_implicit", "implicit"):
        model = make_c2ser(answers="label", model_conf={"train_mode": mode}, num_iters_per_epoch=None).train()
        given = {name: value for name, value in batch.items() if not name.startswith("explicit")}
        assert "loss_implicit" in model(**given)[1]


@torch.no_grad()
def test_text_only_reads_the_transcript_where_speech_would_stand(make_c2ser, batch, tokenizer):
    model = make_c2ser(text_only=True, model_conf={"train_mode": "implicit"})
    assert model.encoder is None and model.connector is None and model.emotion_dim == 0
    texts = ["No.", "Thank you.", "I"]
    rows = [torch.tensor(transcript_ids(tokenizer, text)) for text in texts]
    transcript = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
    prefixes = model.prefixes("implicit", *model.hear(transcript=transcript))
    embed = model.llm.get_input_embeddings()
    begin, end = model.speech_ends.weight
    before = embed(torch.tensor(tokenizer(prompt("implicit"))["input_ids"]))
    for prefix, ids in zip(prefixes, rows):
        torch.testing.assert_close(prefix, torch.cat([before, begin[None], embed(ids), end[None]]), atol=0, rtol=0)
    loss = model(implicit=batch["implicit"], transcript=transcript)[0].item()
    assert model(**batch, transcript=transcript)[0].item() == nearly(loss)  # whatever was said, and however
    turned = transcript.roll(1, 0)
    assert model(implicit=batch["implicit"], transcript=turned)[0].item() != pytest.approx(loss, abs=1e-4)
    assert {name.split(".")[0] for name in model.state_dict()} == {"llm", "speech_ends", "batches"}


def test_text_only_learns(make_c2ser, batch):
    model = make_c2ser(text_only=True, llm_conf={"rank": 2, "dropout": 0.0}).train()
    model(**batch, transcript=torch.tensor([[5, 6], [7, -1], [8, 9]]))[0].backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in model.parameters() if weight.requires_grad)


def test_what_is_needed_and_missing_is_named(make_c2ser, batch):
    model = make_c2ser(model_conf={"train_mode": "explicit"})
    for lost, words in (
        ("speech", "hears speech, and none was given"),
        ("emotion", "Emotion2Vec-S tokens of width 24, and none were given.*model.yaml"),
        ("explicit", "no data `explicit`"),
    ):
        with pytest.raises(InputError, match=words):
            model(**{name: value for name, value in batch.items() if name != lost})
    for wrong in (batch["emotion"][:, :, 1:], batch["emotion"].mean(1)):
        with pytest.raises(InputError, match=r"emotion tokens of shape .* expected \(batch, tokens, 24\)"):
            model(**{**batch, "emotion": wrong})
    with pytest.raises(InputError, match="text_only.*none was given"):
        make_c2ser(text_only=True)(**batch)


@torch.no_grad()
def test_emotion_tokens_alone_need_no_speech(make_c2ser, batch):
    model = make_c2ser(whisper=None)
    heard, lengths = model.hear(emotion=batch["emotion"])
    assert heard.shape == (3, 10, 16) and lengths.tolist() == [10, 10, 10]

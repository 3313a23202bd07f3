"""C2SER: what the language model is given, the loss, the checkpoint, the schedule."""


import pytest
import torch
import torch.nn.functional as F

from c2ser.cot.prompts import prompt
from c2ser.errors import InputError
from c2ser.models.language_model import causal_lm
from c2ser.models.schedule import explicit_batch
from tests.builders import BACKBONE
from tests.closeness import assert_rounds_alike, nearly


def rows(batch, *chosen):
    """A batch of some of the rows, padding as it is."""
    return {name: value[list(chosen)] for name, value in batch.items()}


@torch.no_grad()
def by_hand(model, batch, mode, before, after):
    """Every utterance alone: (summed loss, tokens, tokens right) from one pass of the whole model with labels."""
    embed, results = model.llm.get_input_embeddings(), []
    for row, length in enumerate(batch["speech_lengths"].tolist()):
        frames, counts = model.encoder(batch["speech"][row : row + 1, :length], torch.tensor([length]))
        frames, counts = model.subsampler(frames, counts)
        tokens = F.pad(batch["emotion"][row : row + 1], (0, model.connector.dim - BACKBONE["dim"]))
        heard = model.connector(torch.cat([tokens, frames], 1), counts + 10)[0]
        answer = batch[mode][row][batch[mode][row] >= 0]
        begin, end = model.speech_ends.weight
        parts = [embed(before), begin[None], heard, end[None], embed(after), embed(answer)]
        inputs = torch.cat(parts)[None]
        labels = torch.full(inputs.shape[:2], -100)
        labels[0, -len(answer) :] = answer
        out = model.llm(inputs_embeds=inputs, labels=labels)
        right = out.logits[0, -len(answer) - 1 : -1].argmax(-1) == answer
        results.append((float(out.loss) * len(answer), len(answer), right))
    return results


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_loss_is_that_of_the_whole_sequence(make_c2ser, batch, tokenizer, mode):
    model = make_c2ser(model_conf={"train_mode": mode})
    nothing = torch.zeros(0, dtype=torch.long)
    results = by_hand(model, batch, mode, torch.tensor(tokenizer(prompt(mode))["input_ids"]), nothing)
    loss, stats, weight = model(**batch)
    losses, counts, right = zip(*results)
    assert loss.item() == nearly(sum(losses) / sum(counts))
    assert float(stats[f"loss_{mode}"]) == float(stats["loss"]) == loss.item() and float(weight) == 3.0
    assert float(stats["acc"]) == pytest.approx(sum(int(row.sum()) for row in right) / sum(counts))
    assert float(stats[f"acc_answer_{mode}"]) == pytest.approx(sum(bool(row.all()) for row in right) / 3)


def test_prompts_around_the_speech(make_c2ser, batch):
    model = make_c2ser()
    model.prompts["explicit"] = torch.tensor([7, 9]), torch.tensor([11, 4, 6])
    losses, counts, _ = zip(*by_hand(model, batch, "explicit", *model.prompts["explicit"]))
    assert model(**batch)[0].item() == nearly(sum(losses) / sum(counts))


@torch.no_grad()
def test_a_model_that_knows_the_answer(make_c2ser, batch):
    """Accuracies count predictions of each token from what precedes it."""
    model = make_c2ser(model_conf={"train_mode": "implicit"})
    wanted = batch["implicit"][batch["implicit"] >= 0]

    class Head(torch.nn.Module):
        def forward(self, hidden):
            logits = F.one_hot(wanted, 200).float() * 50
            logits[0] = logits[0].roll(1)  # one token of the first answer is wrong
            return logits[None]

    causal_lm(model.llm).lm_head = Head()
    stats = model(**batch)[1]
    assert float(stats["acc"]) == pytest.approx(1 - 1 / len(wanted))
    assert float(stats["acc_answer_implicit"]) == pytest.approx(2 / 3)
    assert float(stats["loss"]) == pytest.approx(50 / len(wanted), rel=1e-3)


def test_loss_does_not_depend_on_the_batch(model, batch):
    with torch.no_grad():
        together = model(**batch)[0].item()
        alone = [model(**rows(batch, row))[0].item() for row in range(3)]
        tokens = (batch["explicit"] >= 0).sum(1).tolist()
        assert together == nearly(sum(a * n for a, n in zip(alone, tokens)) / sum(tokens))
        turned = model(**rows(batch, 2, 0, 1))[0].item()
        assert turned == nearly(together)


def test_loss_does_not_depend_on_padding(model, batch):
    with torch.no_grad():
        wider = {"speech": F.pad(batch["speech"], (0, 1700)), "explicit": F.pad(batch["explicit"], (0, 9), value=-1)}
        assert model(**{**batch, **wider})[0].item() == nearly(model(**batch)[0].item())


@torch.no_grad()
def test_every_part_of_the_input_is_heard(model, batch):
    base = model(**batch)[0].item()
    for name, changed in (
        ("speech", batch["speech"].flip(1).roll(100, 1)),
        ("emotion", -batch["emotion"]),
        ("explicit", torch.where(batch["explicit"] == batch["explicit"][0, 0], 6, batch["explicit"])),
    ):
        assert abs(model(**{**batch, name: changed})[0].item() - base) > 1e-4, name


@torch.no_grad()
def test_hearing_puts_emotion_tokens_first(model, batch):
    heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    frames, counts = model.subsampler(*model.encoder(batch["speech"], batch["speech_lengths"]))
    assert lengths.tolist() == (counts + 10).tolist() == [10 + 4, 10 + 3, 10 + 7]  # 31, 20 and 50 mel frames
    assert heard.shape == (3, 17, 16)
    seen = []
    hook = model.connector.register_forward_pre_hook(lambda layer, args: seen.append(args[0]))
    model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    hook.remove()
    assert torch.equal(seen[0][:, :10, : BACKBONE["dim"]], batch["emotion"])
    assert not seen[0][:, :10, BACKBONE["dim"] :].any()
    assert_rounds_alike(seen[0][:, 10:], frames)


@torch.no_grad()
def test_prefixes_are_what_precedes_the_answer(model, batch, tokenizer):
    heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    made = model.prefixes("implicit", heard, lengths)
    before = model.llm.get_input_embeddings()(torch.tensor(tokenizer(prompt("implicit"))["input_ids"]))
    begin, end = model.speech_ends.weight
    for row, length in enumerate(lengths.tolist()):
        wanted = torch.cat([before, begin[None], heard[row, :length], end[None]])
        torch.testing.assert_close(made[row], wanted, atol=0, rtol=0)


def test_prompts_follow_language_and_style(make_c2ser, tokenizer):
    model = make_c2ser(prompt_language="pl")
    for mode in ("explicit", "implicit"):
        before, after = model.prompts[mode]
        assert before.tolist() == tokenizer(prompt(mode, "pl"))["input_ids"] and after.tolist() == []
    assert model.prompts["explicit"][0].tolist() != model.prompts["implicit"][0].tolist()
    with pytest.raises(InputError, match="no chat template"):
        make_c2ser(prompt_style="chat")


@pytest.mark.parametrize("train", ["lora", "frozen", "full"])
def test_checkpoint_holds_what_learns(make_c2ser, batch, train):
    model = make_c2ser(llm_conf={"train": train})
    state = model.state_dict()
    llm = {name for name in state if name.startswith("llm.")}
    wanted = {name for name, weight in model.named_parameters() if weight.requires_grad and name.startswith("llm.")}
    if train == "full":
        assert llm >= wanted > set() and len(llm) > 10
    else:
        assert llm == wanted and bool(llm) == (train == "lora")
    parts = {name.split(".")[0] for name in state} - {"llm"}
    assert parts == {"encoder", "connector", "subsampler", "speech_ends", "batches"}
    other = make_c2ser(weights=9, llm_conf={"train": train})
    with torch.no_grad():
        assert other(**batch)[0].item() != pytest.approx(model(**batch)[0].item(), abs=1e-3)
        other.load_state_dict(state)
        assert other(**batch)[0].item() == nearly(model(**batch)[0].item())


@pytest.mark.parametrize("lost", ["connector.project.bias", "lora_A", "speech_ends.weight", "batches"])
def test_what_else_is_missing_is_missed(model, make_c2ser, lost):
    state = {name: value for name, value in model.state_dict().items() if lost not in name}
    with pytest.raises(RuntimeError, match="Missing key"):
        make_c2ser(weights=1).load_state_dict(state)


def test_frozen_parts_do_not_learn(make_c2ser, batch):
    model = make_c2ser(model_conf={"freeze_encoder": True}, llm_conf={"train": "frozen"}).train()
    model(**batch)[0].backward()
    assert all(weight.grad is None for weight in [*model.encoder.parameters(), *model.llm.parameters()])
    learned = [*model.connector.parameters(), *model.subsampler.parameters(), *model.speech_ends.parameters()]
    assert all(weight.grad is not None and weight.grad.isfinite().all() and weight.grad.any() for weight in learned)


def test_encoder_and_adapters_learn(make_c2ser, batch):
    connector = {"dim": 32, "depth": 1, "heads": 2, "dropout": 0.0}
    model = make_c2ser(llm_conf={"rank": 2, "dropout": 0.0}, connector_conf=connector)
    model.train()(**batch)[0].backward()
    without = {name for name, w in model.named_parameters() if w.requires_grad and (w.grad is None or not w.grad.any())}
    assert without == set()


def test_shared_prompt_gives_the_whole_gradient(make_c2ser, batch, tokenizer):
    """The prompt is run once for a batch, not once an utterance: its part of the gradient must not be lost."""
    model = make_c2ser(llm_conf={"train": "full"})
    model(**batch)[0].backward()
    shared = model.llm.model.layers[0].self_attn.v_proj.weight.grad.clone()
    model.zero_grad()
    heard, lengths = model.hear(batch["speech"], batch["speech_lengths"], batch["emotion"])
    total, embed = 0.0, model.llm.get_input_embeddings()
    for row, prefix in enumerate(model.prefixes("explicit", heard, lengths)):
        answer = batch["explicit"][row][batch["explicit"][row] >= 0]
        logits = model.llm(inputs_embeds=torch.cat([prefix, embed(answer[:-1])])[None]).logits[0, len(prefix) - 1 :]
        total = total + F.cross_entropy(logits, answer, reduction="sum")
    (total / (batch["explicit"] >= 0).sum()).backward()
    assert_rounds_alike(shared, model.llm.model.layers[0].self_attn.v_proj.weight.grad)


def test_spectrograms_are_augmented_in_training_only(make_c2ser, batch):
    seen = []
    model = make_c2ser()
    model.augment = lambda mel: seen.append(mel.shape) or mel
    model(**batch)
    assert seen == []
    model.train()(**batch)
    assert len(seen) == 3
    assert make_c2ser(specaug=False).augment is None
    assert make_c2ser(specaug_conf={"time_masks": 7}).augment.time_masks == 7


def test_stage_two_goes_from_explicit_to_implicit(make_c2ser, batch, monkeypatch):
    options = {"train_mode": "explicit_to_implicit"}
    model = make_c2ser(model_conf=options, max_epoch=4, num_iters_per_epoch=5, seed=3).train()
    monkeypatch.setattr(model, "hear", lambda *args: (torch.zeros(3, 1, 16), torch.ones(3, dtype=torch.long)))
    seen = []
    monkeypatch.setattr(model, "answer_loss", lambda mode, *args: seen.append((mode, args[2])) or [torch.zeros(())] * 3)
    for _ in range(20):
        model(**batch)
        if len(seen) == 10:  # validation does not count, and asks for what the stage is for
            model.eval()(**batch)
            assert seen.pop()[0] == "implicit"
            model.train()
    wanted = ["explicit" if explicit_batch(number, 20, 3) else "implicit" for number in range(20)]
    assert [mode for mode, _ in seen] == wanted and len(set(wanted)) == 2
    assert wanted[0] == "explicit" and wanted[-1] == "implicit"
    for mode, answers in seen:
        assert torch.equal(answers, batch[mode])
    assert int(model.state_dict()["batches"]) == 20


@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_one_mode_is_kept(make_c2ser, batch, mode):
    model = make_c2ser(model_conf={"train_mode": mode})
    for training in (True, False):
        assert f"loss_{mode}" in model.train(training)(**batch)[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model_conf": {"train_mode": "loud"}}, "train_mode: 'loud'"),
        ({"model_conf": {"volume": 3}}, "configuration:.*volume"),
        ({"connector_conf": {"dim": 16, "heads": 2}}, "connector_conf: dim 16 is less than the emotion tokens' 24"),
        ({"connector_conf": {"deph": 3}}, "configuration:.*deph"),
        ({"llm_conf": {"ranc": 3}}, "configuration:.*ranc"),
        ({"specaug_conf": {"masks": 3}}, "configuration:.*masks"),
        ({"model_conf": {"align_batches": 10}}, "align_batches: 10 of 10 batches: none is left"),
        ({"model_conf": {"align_batches": 1}, "text_only": True}, "text_only: .*nothing to hear"),
        ({"model_conf": {"kl_weight": -1}}, "kl_weight -1 must not be negative"),
        ({"model_conf": {"kl_temperature": 0}}, "kl_temperature 0 positive"),
        ({"llm": None}, "--llm is not set"),
        ({"whisper": "nowhere.pt"}, "nowhere.pt: no such file"),
        ({"prompt_language": "xx"}, "no prompts in language 'xx'"),
    ],
)
def test_faults_of_a_configuration_are_named(make_c2ser, options, words):
    with pytest.raises(InputError, match=words):
        make_c2ser(**options)


def test_speech_marks_start_at_the_magnitude_of_the_embeddings(make_c2ser, monkeypatch):
    monkeypatch.setattr("tests.builders.randomise", lambda model, *_: model)
    model = make_c2ser(llm_conf={"train": "frozen"})
    embeddings = model.llm.get_input_embeddings().weight
    assert model.speech_ends.weight.std().item() == pytest.approx(embeddings.std().item(), rel=0.5)
    assert model.speech_ends.weight.shape == (2, 16)


def test_the_schedule_must_know_its_length(make_c2ser):
    with pytest.raises(InputError, match="explicit_to_implicit.*num_iters_per_epoch"):
        make_c2ser(model_conf={"train_mode": "explicit_to_implicit"}, num_iters_per_epoch=None)
    make_c2ser(model_conf={"train_mode": "implicit"}, num_iters_per_epoch=None)


@torch.no_grad()
def test_a_logged_loss_does_not_change_with_the_loss(make_c2ser, batch):
    """ESPnet's trainer divides the loss in place by the accumulation steps."""
    for options in ({"train_mode": "explicit"}, {"align_batches": 3}):
        loss, stats, _ = make_c2ser(model_conf=options).train()(**batch)
        kept = {name: float(value) for name, value in stats.items()}
        with torch.no_grad():
            loss /= 4
        assert {name: float(value) for name, value in stats.items()} == kept

"""The warm-up of the connector alone."""

import pytest
import torch
import torch.nn.functional as F

from c2ser.models.schedule import explicit_batch
from tests.closeness import nearly


def test_warm_up_runs_first_and_without_the_language_model(make_c2ser, batch, monkeypatch):
    options = {"train_mode": "explicit_to_implicit", "align_batches": 4}
    model = make_c2ser(model_conf=options, max_epoch=4, num_iters_per_epoch=5, seed=3).train()
    monkeypatch.setattr(model.llm, "forward", None)  # not needed
    for _ in range(4):
        loss, stats, weight = model(**batch)
        assert set(stats) == {"loss", "loss_align", "acc_align"} and float(weight) == 3.0
        loss.backward()
    assert model.connector.project.weight.grad.any()
    assert all(weight.grad is None for name, weight in model.llm.named_parameters())
    modes = []
    monkeypatch.setattr(model, "answer_loss", lambda mode, *args: modes.append(mode) or [torch.zeros(())] * 3)
    for _ in range(16):
        model(**batch)
    assert modes == ["explicit" if explicit_batch(number, 16, 3) else "implicit" for number in range(16)]
    monkeypatch.undo()
    fresh = make_c2ser(model_conf=options, num_iters_per_epoch=5)
    assert "loss_implicit" in fresh(**batch)[1]  # validation is never warm-up


@torch.no_grad()
def test_warm_up_tells_answers_apart(model, batch):
    heard, lengths = torch.randn(3, 5, 16), torch.tensor([5, 2, 4])
    loss, accuracy = model.align(heard, lengths, batch["implicit"])
    embed = model.llm.get_input_embeddings()
    answers = [batch["implicit"][row][batch["implicit"][row] >= 0] for row in (0, 1)]
    named = torch.stack([embed(ids[:-1]).mean(0) for ids in answers])  # without the end of sequence
    named = named - named.mean(0)
    losses, right = [], []
    for row, own in enumerate((0, 1, 0)):
        near = F.cosine_similarity(heard[row, : int(lengths[row])].mean(0)[None], named) / 0.1
        losses.append(-float(near.log_softmax(0)[own]))
        right.append(int(near.argmax()) == own)
    assert float(loss) == pytest.approx(sum(losses) / 3, rel=1e-4)
    assert float(accuracy) == pytest.approx(sum(right) / 3)


def test_the_connector_is_held_after_the_warm_up(make_c2ser, batch):
    model = make_c2ser(model_conf={"align_batches": 1, "hold_connector": True}, num_iters_per_epoch=4).train()
    heard = [model.connector.project.weight, model.subsampler.convs[0].weight]
    adapters = [weight for weight in model.llm.parameters() if weight.requires_grad]
    for warm_up in (True, False):
        model.zero_grad()
        model(**batch)[0].backward()
        assert all((weight.grad is not None) == warm_up for weight in heard)
        assert any(weight.grad is not None for weight in adapters) != warm_up
    assert model.speech_ends.weight.grad.any()


def test_warm_up_with_one_answer_in_the_batch_teaches_nothing_and_breaks_nothing(make_c2ser, batch):
    model = make_c2ser(model_conf={"align_batches": 2}).train()
    same = {**batch, "implicit": batch["implicit"][:1].expand(3, -1)}
    loss, stats, _ = model(**same)
    loss.backward()
    assert loss.item() == nearly(0, scale=1) and float(stats["acc_align"]) == 1
    assert all(weight.grad is None or not weight.grad.any() for weight in model.parameters())
    one = model(**{name: value[:1] for name, value in batch.items()})[0]
    assert one.item() == nearly(0, scale=1)


def test_warm_up_learns_to_tell_answers_apart(make_c2ser, batch):
    connector = {"dim": 32, "depth": 1, "heads": 2, "dropout": 0.0}
    model = make_c2ser(
        model_conf={"align_batches": 100}, connector_conf=connector, specaug=False, num_iters_per_epoch=200
    )
    optimiser = torch.optim.Adam(model.train().connector.parameters(), 1e-3)
    losses = []
    for _ in range(30):
        loss, stats, _ = model(**batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0] and float(stats["acc_align"]) == 1

"""L_cate by hand, and what it must not depend on."""

import math

import pytest
import torch

from c2ser.models.contrastive import category_contrastive

PLANE = torch.tensor([[2.0, 0.0], [1.5, 1.5 * math.sqrt(3)], [0.0, 7.0]])  # at 0°, 60° and 90°


def by_hand(embeddings, labels, temperature):
    """The formula of the docstring, item by item."""
    cosine, losses, right = torch.nn.functional.cosine_similarity, [], []
    known = [i for i, label in enumerate(labels) if label >= 0]
    for i in known:
        positives = [j for j in known if j != i and labels[j] == labels[i]]
        if not positives:
            continue
        close = {j: float(cosine(embeddings[i], embeddings[j], dim=0)) / temperature for j in known if j != i}
        total = math.log(sum(math.exp(value) for value in close.values()))
        losses.append(-sum(close[j] - total for j in positives) / len(positives))
        right.append(labels[max(close, key=close.get)] == labels[i])
    return sum(losses) / len(losses), sum(right) / len(right)


def test_three_items():
    # 0 and 1 are of one class: cosines 1/2 between them, 0 from 0 to 2, √3/2 from 1 to 2.
    loss, retrieval = category_contrastive(PLANE, torch.tensor([4, 4, 1]), 0.5)
    first = -math.log(math.exp(1.0) / (math.exp(1.0) + math.exp(0.0)))
    second = -math.log(math.exp(1.0) / (math.exp(1.0) + math.exp(math.sqrt(3))))
    assert float(loss) == pytest.approx((first + second) / 2, abs=1e-6)
    assert float(retrieval) == 0.5  # of item 1 the nearest is item 2


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_many_items(temperature):
    torch.manual_seed(0)
    embeddings, labels = torch.randn(12, 5), [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, -1, -1]
    loss, retrieval = category_contrastive(embeddings, torch.tensor(labels), temperature)
    wanted, right = by_hand(embeddings, labels, temperature)
    assert float(loss) == pytest.approx(wanted, rel=1e-5) and float(retrieval) == pytest.approx(right)


def test_unlabelled_items_take_no_part():
    torch.manual_seed(0)
    embeddings, labels = torch.randn(6, 3, requires_grad=True), torch.tensor([0, -1, 0, 1, -1, 1])
    loss, retrieval = category_contrastive(embeddings, labels, 0.1)
    known = labels >= 0
    alone = category_contrastive(embeddings[known], labels[known], 0.1)
    assert loss.item() == alone[0].item() and retrieval.item() == alone[1].item()
    loss.backward()
    assert not embeddings.grad[~known].any() and embeddings.grad[known].abs().sum(1).gt(0).all()


@pytest.mark.parametrize("labels", [[-1, -1, -1], [0, 1, 2], [3, -1, -1]])
def test_nothing_to_compare_gives_zero(labels):
    embeddings = torch.randn(3, 4, requires_grad=True)
    loss, retrieval = category_contrastive(embeddings, torch.tensor(labels), 0.1)
    assert loss.item() == 0.0 and retrieval.item() == 0.0
    loss.backward()
    assert not embeddings.grad.any()


def test_a_class_of_one_repels_but_has_no_loss_of_its_own():
    torch.manual_seed(0)
    embeddings = torch.randn(4, 3)
    with_it = category_contrastive(embeddings, torch.tensor([0, 0, 1, 1]), 0.3)[0]
    single = category_contrastive(embeddings, torch.tensor([0, 0, 1, 2]), 0.3)[0]
    assert float(single) == pytest.approx(by_hand(embeddings, [0, 0, 1, 2], 0.3)[0], rel=1e-5)
    assert float(with_it) != pytest.approx(float(single), rel=1e-3)


def test_order_and_length_of_vectors_do_not_matter():
    torch.manual_seed(0)
    embeddings, labels = torch.randn(8, 4), torch.tensor([0, 0, 1, 1, 1, 2, 2, -1])
    loss, retrieval = category_contrastive(embeddings, labels, 0.2)
    order = torch.randperm(8)
    for other in (embeddings[order], (embeddings * torch.rand(8, 1) * 9)[order]):
        again = category_contrastive(other, labels[order], 0.2)
        assert float(again[0]) == pytest.approx(float(loss), rel=1e-5) and float(again[1]) == float(retrieval)


def test_gradient(monkeypatch):
    # The loss is made in float32, too coarse for finite differences: let its casts keep float64 here.
    monkeypatch.setattr(torch.Tensor, "float", lambda self: self if self.is_floating_point() else self.double())
    torch.manual_seed(0)
    embeddings, labels = torch.randn(6, 3, dtype=torch.float64, requires_grad=True), torch.tensor([0, 0, 1, 1, 2, -1])
    assert torch.autograd.gradcheck(lambda x: category_contrastive(x, labels, 0.3)[0], embeddings)


def test_gradient_pulls_its_own_class_closer():
    embeddings = PLANE.clone().requires_grad_()
    labels = torch.tensor([0, 0, 1])
    category_contrastive(embeddings, labels, 0.5)[0].backward()
    moved = (embeddings - 0.1 * embeddings.grad).detach()
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(moved[0], moved[1], dim=0) > 0.5 and cosine(moved[1], moved[2], dim=0) < math.sqrt(3) / 2


def test_perfect_separation():
    embeddings = torch.tensor([[1.0, 0], [1, 0], [-1, 0], [-1, 0]])
    loss, retrieval = category_contrastive(embeddings, torch.tensor([0, 0, 1, 1]), 0.1)
    assert float(loss) < 1e-6 and float(retrieval) == 1.0

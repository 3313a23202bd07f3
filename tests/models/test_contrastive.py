"""L_cate by hand, and what it must not depend on."""

import math

import pytest
import torch

from c2ser.models.contrastive import category_contrastive
from tests.closeness import FORMULA, nearly

PLANE = torch.tensor([[2.0, 0.0], [1.5, 1.5 * math.sqrt(3)], [0.0, 7.0]])  # at 0°, 60° and 90°


def by_hand(embeddings, labels, temperature, utterances=None, own_views=True):
    """The formula of the docstring, item by item."""
    cosine, losses, right = torch.nn.functional.cosine_similarity, [], []
    known = [i for i, label in enumerate(labels) if label >= 0]
    utterances = list(range(len(labels))) if utterances is None else utterances
    for i in known:
        others = [j for j in known if utterances[j] != utterances[i]]
        compared = [j for j in known if j != i] if own_views else others
        close = {j: float(cosine(embeddings[i], embeddings[j], dim=0)) / temperature for j in known if j != i}
        positives = [j for j in compared if labels[j] == labels[i]]
        if positives:
            total = math.log(sum(math.exp(close[j]) for j in compared))
            losses.append(-sum(close[j] - total for j in positives) / len(positives))
        if any(labels[j] == labels[i] for j in others):
            right.append(labels[max(others, key=close.get)] == labels[i])
    return sum(losses) / len(losses), sum(right) / len(right)


def test_three_items():
    # 0 and 1 are of one class: cosines 1/2 between them, 0 from 0 to 2, √3/2 from 1 to 2.
    loss, retrieval = category_contrastive(PLANE, torch.tensor([4, 4, 1]), 0.5)
    first = -math.log(math.exp(1.0) / (math.exp(1.0) + math.exp(0.0)))
    second = -math.log(math.exp(1.0) / (math.exp(1.0) + math.exp(math.sqrt(3))))
    assert float(loss) == nearly((first + second) / 2, FORMULA)
    assert float(retrieval) == 0.5  # of item 1 the nearest is item 2


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_many_items(temperature):
    torch.manual_seed(0)
    embeddings, labels = torch.randn(12, 5), [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, -1, -1]
    loss, retrieval = category_contrastive(embeddings, torch.tensor(labels), temperature)
    wanted, right = by_hand(embeddings, labels, temperature)
    assert float(loss) == nearly(wanted, FORMULA) and float(retrieval) == pytest.approx(right)


@pytest.mark.parametrize("own_views", [True, False])
def test_views_of_an_utterance(own_views):
    torch.manual_seed(0)
    utterances, labels = [9, 9, 9, 4, 4, 7, 7, 1, 1, 3, 3, 3], [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    embeddings = torch.randn(12, 5)
    given = torch.tensor(labels), 0.3, None, torch.tensor(utterances), own_views
    loss, retrieval = category_contrastive(embeddings, *given)
    wanted, right = by_hand(embeddings, labels, 0.3, utterances, own_views)
    assert float(loss) == nearly(wanted, FORMULA) and float(retrieval) == pytest.approx(right)
    assert 0 < right < 1

    # Two embeddings of each item, the same loop over both grids: an item's own second one is of its own utterance
    second, grids = torch.randn(12, 5), []
    cosine = torch.nn.functional.cosine_similarity(embeddings[:, None], second[None], dim=-1) / 0.3
    for grid in (cosine, cosine.T):
        losses = []
        for i in range(12):
            compared = [j for j in range(12) if own_views or utterances[j] != utterances[i]]
            positives = [j for j in compared if labels[j] == labels[i]]
            if positives:
                total = math.log(sum(math.exp(grid[i, j]) for j in compared))
                losses.append(-sum(float(grid[i, j]) - total for j in positives) / len(positives))
        grids.append(sum(losses) / len(losses))
    given = torch.tensor(labels), 0.3, second, torch.tensor(utterances), own_views
    assert float(category_contrastive(embeddings, *given)[0]) == nearly(sum(grids) / 2, FORMULA)


def test_unlabelled_items_take_no_part():
    torch.manual_seed(0)
    embeddings, labels = torch.randn(6, 3, requires_grad=True), torch.tensor([0, -1, 0, 1, -1, 1])
    loss, retrieval = category_contrastive(embeddings, labels, 0.1)
    known = labels >= 0
    alone = category_contrastive(embeddings[known], labels[known], 0.1)
    assert loss.item() == nearly(alone[0].item(), FORMULA) and retrieval.item() == alone[1].item()
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
    assert float(single) == nearly(by_hand(embeddings, [0, 0, 1, 2], 0.3)[0], FORMULA)
    assert float(with_it) != pytest.approx(float(single), rel=1e-3)


def test_order_and_length_of_vectors_do_not_matter():
    torch.manual_seed(0)
    embeddings, labels = torch.randn(8, 4), torch.tensor([0, 0, 1, 1, 1, 2, 2, -1])
    loss, retrieval = category_contrastive(embeddings, labels, 0.2)
    order = torch.randperm(8)
    for other in (embeddings[order], (embeddings * torch.rand(8, 1) * 9)[order]):
        again = category_contrastive(other, labels[order], 0.2)
        assert float(again[0]) == nearly(float(loss), FORMULA) and float(again[1]) == float(retrieval)


@pytest.mark.parametrize("two", [False, True])
def test_gradient(two):
    torch.manual_seed(0)
    first, second = (torch.randn(6, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    temperature, labels = torch.tensor(0.3, dtype=torch.float64, requires_grad=True), torch.tensor([0, 0, 1, 1, 2, -1])

    def loss(first, second, temperature):
        return category_contrastive(first, labels, temperature, second if two else None)[0]

    assert torch.autograd.gradcheck(loss, (first, second, temperature))


def test_two_embeddings_by_hand():
    """Rows at 0° and 90°, columns at 0° and 60°, one class each: CLIP's loss, its diagonal the positives."""
    rows, columns = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.0], [0.5, math.sqrt(3) / 2]])
    cosines = [[1.0, 0.5], [0.0, math.sqrt(3) / 2]]
    e = [[math.exp(value / 0.5) for value in row] for row in cosines]
    by_row = -math.log(e[0][0] / sum(e[0])) - math.log(e[1][1] / sum(e[1]))
    by_column = -math.log(e[0][0] / (e[0][0] + e[1][0])) - math.log(e[1][1] / (e[0][1] + e[1][1]))
    loss, retrieval = category_contrastive(rows, torch.tensor([0, 1]), 0.5, columns)
    assert float(loss) == nearly((by_row + by_column) / 4, FORMULA)
    assert float(retrieval) == 0.0  # that an item finds itself tells nothing
    swapped = category_contrastive(columns, torch.tensor([0, 1]), 0.5, rows)[0]
    assert float(swapped) == nearly(float(loss), FORMULA)
    cross = torch.nn.functional.cross_entropy
    logits = torch.tensor(cosines) / 0.5
    wanted = (cross(logits, torch.arange(2)) + cross(logits.T, torch.arange(2))) / 2
    assert float(loss) == nearly(float(wanted), FORMULA)


def test_all_of_a_class_are_positives_of_both_embeddings():
    torch.manual_seed(0)
    rows, columns, labels = torch.randn(5, 4), torch.randn(5, 4), torch.tensor([0, 1, 0, -1, 1])
    cosine = torch.nn.functional.cosine_similarity(rows[:, None], columns[None], dim=-1) / 0.2
    known, total = [0, 1, 2, 4], 0.0
    for grid in (cosine, cosine.T):
        for i in known:
            positives = [j for j in known if labels[j] == labels[i]]
            normaliser = torch.logsumexp(grid[i, known], 0)
            total += sum(float(normaliser - grid[i, j]) for j in positives) / len(positives)
    assert float(category_contrastive(rows, labels, 0.2, columns)[0]) == nearly(total / 8, FORMULA)


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
    assert float(loss) == nearly(0, FORMULA, scale=1) and float(retrieval) == 1.0

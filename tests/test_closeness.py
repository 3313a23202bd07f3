"""The bound of tests/closeness.py: it lets another order of a sum pass, and nothing that is wrong."""

from functools import reduce

import numpy as np
import pytest
import torch

from tests.closeness import FORMULA, assert_rounds_alike, nearly


@pytest.mark.parametrize("dtype, wrong", [(torch.float32, 1e-3), (torch.float64, 1e-11)])
def test_the_order_of_a_sum_is_let_pass_and_a_wrong_digit_is_not(dtype, wrong):
    terms = torch.randn(20, 1000, dtype=dtype) + 1
    forwards, backwards, pairwise = reduce(torch.add, terms.T), reduce(torch.add, terms.T.flip(0)), terms.sum(1)
    assert not torch.equal(forwards, backwards)
    for one, other in ((forwards, backwards), (forwards, pairwise), (forwards.numpy(), backwards)):
        assert_rounds_alike(one, other)
    with pytest.raises(AssertionError):
        assert_rounds_alike(forwards, backwards * (1 + wrong))
    with pytest.raises(AssertionError):  # a shape is no matter of rounding
        assert_rounds_alike(forwards[:1], backwards)


def test_numbers_lists_and_dicts():
    third = float(np.float32(1) / np.float32(3))
    assert third != 1 / 3 and third == nearly(1 / 3, FORMULA)
    assert [third, 0.0] == nearly([1 / 3, 0], FORMULA) and {"a": third} == nearly({"a": 1 / 3}, FORMULA)
    assert third != nearly(0.3334, FORMULA) and {"a": third, "b": 0.0} != nearly({"a": 1 / 3, "c": 0.0})


def test_rounding_is_measured_by_the_largest_on_the_way():
    found, wanted = reduce(torch.add, torch.tensor([1e8, 1.0, -1e8])), torch.tensor(1.0)
    assert found == 0
    assert_rounds_alike(found, wanted, FORMULA, scale=1e8)
    with pytest.raises(AssertionError):
        assert_rounds_alike(found, wanted, FORMULA)


def test_integers_are_equal_or_not():
    assert_rounds_alike(torch.tensor([1000, 2]), torch.tensor([1000, 2]))
    with pytest.raises(AssertionError):
        assert_rounds_alike(torch.tensor([1000, 2]), torch.tensor([1000, 3]))

import pytest
import torch

from c2ser.errors import InputError
from c2ser.inference.batching import is_out_of_memory, run_batches

SHORTAGE = torch.OutOfMemoryError("CUDA out of memory")


def collect(limit, items, size, error=SHORTAGE):
    """(batches that were done, sizes that were tried) by a machine that takes `limit` items at once."""
    done, tried = [], []

    def work(batch):
        tried.append(len(batch))
        if len(batch) > limit:
            raise error
        done.append(list(batch))

    run_batches(items, size, work, lambda item: f"item {item}")
    return done, tried


def test_batches_in_order():
    assert collect(9, list(range(7)), 3) == ([[0, 1, 2], [3, 4, 5], [6]], [3, 3, 1])
    assert collect(9, [], 3) == ([], [])


def test_batches_of_items_that_have_a_length():
    """Filled up to the longest, a batch comes to no more than the limit; what is longer still is one by itself."""
    done = []
    run_batches([1, 2, 2, 3, 9, 1], 4, lambda batch: done.append(list(batch)), str, lambda item: item, 6)
    assert done == [[1, 2, 2], [3], [9], [1]]


def test_shortage_halves_this_and_all_later_batches(caplog):
    done, tried = collect(2, list(range(12)), 8)
    assert done == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    assert tried == [8, 4, *[2] * 6]
    assert [record.getMessage() for record in caplog.records] == [
        "out of memory with 8 at once (item 0, …): going on with 4",
        "out of memory with 4 at once (item 0, …): going on with 2",
    ]


def test_odd_sizes_come_down_to_one():
    done, tried = collect(1, [0, 1, 2], 3)
    assert done == [[0], [1], [2]] and tried == [3, 1, 1, 1]


def test_one_item_that_does_not_fit_is_named():
    with pytest.raises(InputError, match="^item 5: out of memory, although it is alone"):
        collect(0, [5, 6, 7, 8], 4)


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="^shape mismatch$"):
        collect(1, [1, 2], 2, RuntimeError("shape mismatch"))
    with pytest.raises(ValueError):
        collect(1, [1, 2], 2, ValueError("out of memory"))


def test_what_counts_as_shortage():
    assert is_out_of_memory(torch.OutOfMemoryError("no words"))
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    assert not is_out_of_memory(RuntimeError("memory format"))

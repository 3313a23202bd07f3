"""Batches that shrink where memory does not suffice, instead of ending the run."""

import logging

from c2ser.errors import InputError

_SHORTAGES = ("out of memory", "can't allocate memory")  # of CUDA and of the CPU allocator


def is_out_of_memory(error):
    """Whether a RuntimeError says that memory ran out: torch.OutOfMemoryError, and the CPU allocator's plain one."""
    return type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in _SHORTAGES)


def run_batches(items, size, work, name, length=None, limit=None):
    """`work(batch)` for `items` in batches of `size`, in order.

    length, limit: item → its length, and the most that a batch may come to with all items filled up to its longest; one
    item always may be a batch. A batch that runs out of memory is done again in halves, and so are all after it, with a
    warning. name: item → what a message calls it. Raises InputError, naming the item, where one alone is too much; other errors pass.
    """
    first = 0
    while first < len(items):
        batch = items[first : first + size]
        while limit and len(batch) > 1 and len(batch) * max(map(length, batch)) > limit:
            batch = batch[:-1]
        if _fits(work, batch):
            first += len(batch)
            continue
        _release()
        if len(batch) == 1:
            raise InputError(
                f"{name(batch[0])}: out of memory, although it is alone in its batch; cut it shorter, lower num_beams "
                "or max_new_tokens, choose dtype: bfloat16, or take a machine with more memory"
            )
        size = len(batch) // 2
        logging.warning("out of memory with %d at once (%s, …): going on with %d", len(batch), name(batch[0]), size)


def _fits(work, batch):
    """Run one batch; False where memory ran out. What the failed attempt held is free once this returns."""
    try:
        work(batch)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def _release():
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()

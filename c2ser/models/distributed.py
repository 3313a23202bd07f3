"""Sums and batches over all processes of a training; without torch.distributed everything is its own process."""

import torch
import torch.distributed.nn.functional


def processes():
    """How many processes train together."""
    ready = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if ready else 1


def rank():
    """This process' number among them, from 0."""
    return torch.distributed.get_rank() if processes() > 1 else 0


def total(value):
    """The sum of a tensor over all processes, without gradient."""
    value = value.detach().clone()
    if processes() > 1:
        torch.distributed.all_reduce(value)
    return value


def everyone(value):
    """A small object of every process, as a list in the order of their ranks."""
    values = [value] * processes()
    if processes() > 1:
        torch.distributed.all_gather_object(values, value)
    return values


def widened(rows, value):
    """`(items, width)` → the same, filled up with `value` to the width of the widest in any process."""
    width = torch.tensor(rows.shape[1], device=rows.device)
    if processes() > 1:
        torch.distributed.all_reduce(width, torch.distributed.ReduceOp.MAX)
    return torch.nn.functional.pad(rows, (0, int(width) - rows.shape[1]), value=value)


def joint_mean(values, weights, items):
    """The weighted mean of `values` over all processes, as a trainer asks for it that weights every process by its items.

    values, weights: float `(count,)`, of this process; items: how many utterances its batch has. Returns what,
    multiplied by `items` and summed over processes, is the mean times all their items; with one process, the mean. 0
    where there is nothing.
    """
    everything = total(torch.stack([weights.sum(), weights.new_tensor(float(items))]))
    return (values * weights).sum() / everything[0].clamp_min(1e-6) * (everything[1] / items)


def gather(rows):
    """The rows `(items, …)` of all processes, one after the other, `(all items, …)`; they may have different numbers.

    Floating-point rows keep their gradient: each process gets back the sum of what all of them ask of its rows.
    """
    if processes() == 1:
        return rows
    count = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.empty_like(count) for _ in range(processes())]
    torch.distributed.all_gather(counts, count)
    counts = [int(count) for count in counts]
    padded = torch.cat([rows, rows.new_zeros(max(counts) - len(rows), *rows.shape[1:])]).contiguous()
    if rows.is_floating_point():
        parts = torch.distributed.nn.functional.all_gather(padded)
    else:
        parts = [torch.empty_like(padded) for _ in counts]
        torch.distributed.all_gather(parts, padded)
    return torch.cat([part[:count] for part, count in zip(parts, counts)])

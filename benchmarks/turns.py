"""Systems in turns, each with its time and its memory: what the benchmarks of decoding and of training share."""

import contextlib
import gc
import multiprocessing
import os
import resource
import time
import traceback
from typing import Any, NamedTuple


class Turn(NamedTuple):
    """One turn of a system: seconds; peak and loaded, its memory in bytes at the most and before it began; what it
    returned."""

    seconds: float
    peak: int
    loaded: int
    result: Any


def in_turns(systems, rounds, device, threads):
    """Run systems in turns, yielding (round, name, `Turn`) as soon as each is done.

    systems: name → function of the number of the round; round 0 warms up and is not yielded, so that a function may do
    less in it. On a CPU each system has a forked process of its own, which shares the weights that are loaded with the
    others: time is that process's on one of `threads`, memory its resident pages, those of the interpreter among them.
    Until they are forked, torch may have used one thread only, since the others do not survive it. On a GPU all run in
    this process: time is the clock's once the GPU has done its work, memory what torch has allocated there. Raises
    RuntimeError where a system fails, with its traceback.
    """
    with contextlib.ExitStack() as stack:
        if device == "cuda":
            takers = {name: lambda number, run=run: on_gpu(run, number) for name, run in systems.items()}
        else:
            takers = {name: stack.enter_context(forked(name, run, threads)) for name, run in systems.items()}
        for number in range(rounds + 1):
            for name, take in takers.items():
                turn = take(number)
                if number:
                    yield number, name, turn


def on_gpu(run, number):
    """One turn in this process."""
    import torch

    gc.collect()  # the Trainer refers to itself, and through it optimisers would live on
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    loaded, start = torch.cuda.memory_allocated(), now("cuda")
    result = run(number)
    return Turn(now("cuda") - start, torch.cuda.max_memory_allocated(), loaded, result)


@contextlib.contextmanager
def forked(name, run, threads):
    """A function that has the system take a turn in a process of its own."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else its own threads complain of the fork
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=serve, args=(there, run, threads), daemon=True)
    child.start()
    there.close()

    def take(number):
        try:
            here.send(number)
            failed, answer = here.recv()
        except (EOFError, ConnectionError):
            raise RuntimeError(f"{name}: its process has ended; memory may have run out") from None
        if failed:
            raise RuntimeError(f"{name}: {answer}")
        return answer

    try:
        yield take
    finally:
        with contextlib.suppress(ConnectionError):
            here.send(None)
        child.join()


def serve(pipe, run, threads):
    """What the process of a system does: take turns until nobody asks for more."""
    import torch

    torch.set_num_threads(threads)
    loaded = peak_resident()
    while (number := pipe.recv()) is not None:
        try:
            start = now("cpu")
            result = run(number)
            answer = False, Turn(now("cpu") - start, peak_resident(), loaded, result)
        except BaseException:
            answer = True, traceback.format_exc()
        pipe.send(answer)


def peak_resident():
    """Bytes of memory that this process had at the most; after a fork, what it was given to begin with."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def now(device):
    """Seconds: of a GPU's clock once it has done its work, of this process's time on each of its threads otherwise."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time() / torch.get_num_threads()

"""Trainings in two processes, as torchrun starts them, without importing torch and ESPnet for each anew."""

import multiprocessing
import os

import torch

from tests.cluster import free_ports


def command_of(task):
    """The training's own command."""
    from c2ser.bin import train_c2ser, train_emotion2vec_s, train_emotion_classifier

    return {
        "c2ser": train_c2ser, "emotion2vec_s": train_emotion2vec_s, "emotion_classifier": train_emotion_classifier,
    }[task].main  # fmt: skip


def masks_by_place(inside, *_):
    """In place of c2ser.models.emotion2vec_s.span_mask: nothing random."""
    pattern = torch.tensor([False, True, True, False, False, True, False, True, True, True] * 3)
    return inside & pattern[: inside.shape[1]]


def torchrun(main, words, nodes=1, restarts=0):
    """What `torchrun --nnodes nodes --nproc_per_node 2/nodes --max_restarts restarts` does, with its own agents and
    rendezvous, for two processes that take this one's modules along and call main(words). Fails if one of them does."""
    context = multiprocessing.get_context("fork")
    errors = context.SimpleQueue()
    port = free_ports(1)[0]
    agents = [context.Process(target=_agent, args=(main, words, nodes, restarts, port, errors)) for _ in range(nodes)]
    for agent in agents:
        agent.start()
    for agent in agents:
        agent.join(timeout=300)
    assert [agent.exitcode for agent in agents] == [0] * nodes, errors.empty() or errors.get()


def _agent(main, words, nodes, restarts, port, errors):
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    config = LaunchConfig(
        min_nodes=nodes, max_nodes=nodes, nproc_per_node=2 // nodes, max_restarts=restarts, run_id="test",
        rdzv_backend="c10d", rdzv_endpoint=f"localhost:{port}", local_addr="localhost", start_method="fork",
    )  # fmt: skip
    elastic_launch(config, _worker)(main, words, errors)


def _worker(main, words, errors):
    try:
        torch.set_num_threads(1)
        main(words)
    except BaseException as error:
        errors.put(repr(error))
        raise

"""Trainings in two processes, as torchrun and Slurm start them, without importing torch and ESPnet for each anew."""

import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import torch

from c2ser.models import emotion2vec_s
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


def in_turn(plan, *given):
    """A job's process: one training after the other. plan: file of a list of {task, words, masks}; given: what the
    launcher adds to each. In the job's first life the first of them waits in its second epoch, with a file `held` to
    tell, until a signal comes."""
    from c2ser.models.distributed import rank
    from c2ser.tasks.trainer import AtomicTrainer

    train_one_epoch = AtomicTrainer.train_one_epoch

    def held(reporter, **arguments):
        if reporter.epoch == 2:
            if rank() == 0:  # the others do not wait for its checkpoint
                Path("held").touch()
            signal.pause()
        return train_one_epoch(reporter=reporter, **arguments)

    if "SLURM_RESTART_COUNT" not in os.environ:
        AtomicTrainer.train_one_epoch = held
    meet, span_mask = given.index("--dist_init_method") + 1, emotion2vec_s.span_mask
    for number, training in enumerate(json.loads(Path(plan).read_text())):
        emotion2vec_s.span_mask = masks_by_place if training["masks"] == "by place" else span_mask
        own = [*given[:meet], f"{given[meet]}.{number}", *given[meet + 1 :]]
        command_of(training["task"])([*training["words"], *own])


if __name__ == "__main__":
    torch.set_num_threads(1)
    in_turn(*sys.argv[1:])

"""Losses over two processes: those of one process with the whole batch, gradients too."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from c2ser.models.distributed import gather, processes, total

ROOT = Path(__file__).parents[2]

TWO = """
import sys, torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from c2ser.models import emotion2vec_s
from c2ser.models.distributed import gather, processes, total
from tests.builders import pretraining, waves

rank, folder = int(sys.argv[1]), sys.argv[2]
pattern = torch.tensor([False, True, True, False, False, True, False, True, True, True] * 3)
emotion2vec_s.span_mask = lambda inside, *_: inside & pattern[: inside.shape[1]]
STILL = {"dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0}
speech, lengths = waves([6400, 3000, 8000, 4321, 5000])
label = torch.tensor([[0], [1], [0], [-1], [1]])
made = {}
for embedding in ("tokens", "both"):
    options = {"mask_noise": 0.0, "category_embedding": embedding, "learn_temperature": True}
    model = pretraining(config=STILL, **options)
    loss, stats, weight = model(speech, lengths, label)
    loss.backward()
    grads = {name: value.grad for name, value in model.named_parameters() if value.requires_grad}
    made[embedding] = {"one": (loss.item(), {k: v.item() for k, v in stats.items()}, grads)}

dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
assert processes() == 2
for embedding in ("tokens", "both"):
    options = {"mask_noise": 0.0, "category_embedding": embedding, "learn_temperature": True}
    model = DistributedDataParallel(pretraining(config=STILL, **options))
    loss, stats, weight = model(speech[rank::2], lengths[rank::2], label[rank::2])
    shares = weight / total(weight)
    (loss * shares * 2).backward()  # what ESPnet's trainer does
    grads = {name: value.grad for name, value in model.module.named_parameters() if value.requires_grad}
    sums = {name: total(value * shares).item() for name, value in stats.items()}
    made[embedding]["two"] = (total(loss * shares).item(), sums, grads)

rows = torch.full((2 + rank, 3), float(rank + 1), requires_grad=True)
every = gather(rows)
(every * torch.arange(15.0).view(5, 3) * (rank + 1)).sum().backward()
made["gather"] = (every.detach(), rows.grad, gather(torch.arange(rank)), gather(rows[:0].detach()))
model = pretraining(min_target_variance=0.8)  # of normed targets it is about 1, of both processes' together a half
if rank == 1:
    with torch.no_grad():
        [weight.zero_() for weight in model.teacher.parameters()]
try:
    model(speech, lengths, label)
except RuntimeError as error:
    made["collapse"] = str(error)
torch.save(made, f"{folder}/{rank}.pt")
"""


def test_without_processes():
    rows = torch.ones(2, 3, requires_grad=True)
    assert processes() == 1 and gather(rows) is rows
    assert torch.equal(total(rows), rows) and not total(rows).requires_grad


def test_two_processes_are_one(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen([sys.executable, "-c", TWO, str(rank), str(tmp_path)], env=environment, stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    errors = [rank.communicate(timeout=300)[1].decode()[-2000:] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], errors
    made = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for embedding in ("tokens", "both"):
        assert made[0][embedding]["one"][1]["loss_cate"] > 0
        for part in made:
            torch.testing.assert_close(part[embedding]["two"], made[0][embedding]["one"], atol=2e-3, rtol=2e-3)

    for rank, (every, gradient, integers, nothing) in enumerate(made[part]["gather"] for part in range(2)):
        assert torch.equal(every, torch.tensor([[1.0] * 3] * 2 + [[2.0] * 3] * 3))
        asked = 3 * torch.arange(15.0).view(5, 3)  # once by the first process, twice by the second
        assert torch.equal(gradient, asked[:2] if rank == 0 else asked[2:])
        assert torch.equal(integers, torch.tensor([0])) and nothing.shape == (0, 3)
    assert all("collapsed" in part["collapse"] for part in made)  # both stop, although only one has the fault

"""C2SER on two ranks: both give every batch the same mode, from the start as after a resume, and learn the same."""

import multiprocessing

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from c2ser.models.schedule import explicit_batch
from tests.closeness import FORMULA, assert_rounds_alike

SEED, TOTAL, BROKEN = 3, 8, 4
MODE = {"model_conf": {"train_mode": "explicit_to_implicit"}, "max_epoch": 2, "num_iters_per_epoch": 4, "seed": SEED}


def work(rank, folder, model, batch, batches, results):
    """One rank: train for some batches, then save the model beside `folder`'s meeting point."""
    try:
        torch.set_num_threads(1)
        torch.manual_seed(rank)  # what ranks draw for themselves must not decide the mode
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/meet{batches}", rank=rank, world_size=2
        )
        parallel = DistributedDataParallel(model.train())
        optimiser = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], 0.01)
        modes = []
        for _ in range(batches):
            torch.rand(rank + 1)
            loss, stats, _ = parallel(**{name: value[rank : rank + 1] for name, value in batch.items()})
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            modes.append("explicit" if "loss_explicit" in stats else "implicit")
        torch.save(model.state_dict(), f"{folder}/rank{rank}.pth")
        torch.distributed.destroy_process_group()
        results.put((rank, modes))
    except BaseException as error:
        results.put((rank, repr(error)))
        raise


def train(folder, model, batch, batches):
    """Run both ranks in processes of their own; returns their modes."""
    context = multiprocessing.get_context("fork")  # they take the model along, and import nothing anew
    results = context.Queue()
    ranks = [context.Process(target=work, args=(rank, folder, model, batch, batches, results)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    found = dict(results.get(timeout=300) for _ in ranks)
    for rank in ranks:
        rank.join(timeout=300)
    assert all(isinstance(modes, list) for modes in found.values()), found
    return found


@pytest.fixture(autouse=True)
def loopback(monkeypatch):
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")


def test_ranks_agree_from_the_start_and_after_a_resume(make_c2ser, batch, tmp_path):
    wanted = ["explicit" if explicit_batch(number, TOTAL, SEED) else "implicit" for number in range(TOTAL)]
    assert len(set(wanted[:BROKEN])) == len(set(wanted[BROKEN:])) == 2, "choose a seed that tells more"
    model = make_c2ser(**MODE)
    found = train(tmp_path, model, batch, BROKEN)
    assert found[0] == found[1] == wanted[:BROKEN]
    states = [torch.load(tmp_path / f"rank{rank}.pth") for rank in range(2)]
    for name, value in states[0].items():
        assert_rounds_alike(states[1][name], value, FORMULA)
    assert int(states[0]["batches"]) == BROKEN and not torch.equal(
        states[0]["speech_ends.weight"], model.speech_ends.weight
    )

    resumed = make_c2ser(weights=3, **MODE)
    resumed.load_state_dict(states[0])
    found = train(tmp_path, resumed, batch, TOTAL - BROKEN)
    assert found[0] == found[1] == wanted[BROKEN:]

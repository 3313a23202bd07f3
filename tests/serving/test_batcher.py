"""How requests are gathered: batches of one mode, as many as may be, no later than the first has waited."""

import asyncio
import time

import pytest

from c2ser.serving.batcher import Batcher


class Predictor:
    """Answers `mode` and the sample, notes its batches, and fails on batches that hold a "bad" one."""

    def __init__(self, takes=0.0):
        self.batches, self.takes = [], takes

    def __call__(self, samples, mode):
        self.batches.append((mode, list(samples)))
        time.sleep(self.takes)
        if "bad" in samples:
            raise ValueError("this one")
        return [f"{mode} {one}" for one in samples]


def ask(predictor, wishes, max_batch=4, max_wait=0.05, sizes=None):
    """What comes of (delay in s, sample, mode) that are sent at once; exceptions are returned."""

    async def session():
        batcher = Batcher(predictor, max_batch, max_wait, (sizes if sizes is not None else []).append)

        async def one(delay, sample, mode):
            await asyncio.sleep(delay)
            return await batcher(sample, mode)

        task = asyncio.create_task(batcher.run())
        made = await asyncio.gather(*(one(*wish) for wish in wishes), return_exceptions=True)
        task.cancel()
        return made

    return asyncio.run(session())


def test_batches_are_of_one_mode_and_no_larger_than_allowed():
    predictor, sizes = Predictor(), []
    wishes = [(0, number, "ab"[number % 3 == 0]) for number in range(10)]
    made = ask(predictor, wishes, sizes=sizes)
    assert [prediction for prediction, *_ in made] == [f"{mode} {number}" for _, number, mode in wishes]
    assert predictor.batches == [("b", [0, 3, 6, 9]), ("a", [1, 2, 4, 5]), ("a", [7, 8])] and sizes == [4, 4, 2]


def test_a_batch_that_is_not_full_is_answered_after_its_wait():
    predictor = Predictor()
    ((_, waited, _),) = ask(predictor, [(0, 1, "a")], max_wait=0.1)
    assert predictor.batches == [("a", [1])] and waited > 0.09


def test_a_full_batch_does_not_wait():
    start = time.perf_counter()
    ask(Predictor(), [(0, number, "a") for number in range(4)], max_wait=30)
    assert time.perf_counter() - start < 10


def test_while_one_batch_is_answered_the_next_gathers():
    predictor = Predictor(takes=0.2)
    ask(predictor, [(0, 0, "a"), *((0.1, number, "a") for number in range(1, 4))], max_wait=0.01)
    assert predictor.batches == [("a", [0]), ("a", [1, 2, 3])]


def test_one_that_fails_spoils_no_other():
    predictor = Predictor()
    made = ask(predictor, [(0, 1, "a"), (0, "bad", "a"), (0, 2, "a")])
    assert (made[0][0], made[2][0]) == ("a 1", "a 2") and isinstance(made[1], ValueError)


def test_who_has_gone_is_not_answered():
    predictor = Predictor()

    async def session():
        batcher = Batcher(predictor, 4, 0.05)
        gone, there = (asyncio.create_task(batcher(name, "a")) for name in ("gone", "there"))
        task = asyncio.create_task(batcher.run())
        await asyncio.sleep(0)
        gone.cancel()
        made = await there
        task.cancel()
        return made[0]

    assert asyncio.run(session()) == "a there" and predictor.batches == [("a", ["there"])]


@pytest.mark.parametrize("takes", [0.0, 0.05])
def test_many_at_once_all_get_their_own(takes):
    made = ask(Predictor(takes / 10), [(number % 7 / 1000, number, "ab"[number % 2]) for number in range(200)], max_batch=8)
    assert [prediction for prediction, *_ in made] == [f"{'ab'[number % 2]} {number}" for number in range(200)]

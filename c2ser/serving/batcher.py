"""Requests that come at the same time, answered in batches by the one thread that the system runs in."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass
class Waiting:
    """One recording that waits: float32 `(samples,)` at 16 kHz, how to answer, and when it came (s)."""

    samples: object
    mode: str
    done: asyncio.Future
    since: float = field(default_factory=time.perf_counter)


class Batcher:
    """Gathers recordings of one mode until there are `max_batch`, or the first has waited `max_wait` seconds.

    predictor: called with a list of arrays and a mode, as `Predictor`; answers are those of recordings alone. While a batch
    is answered, the next one gathers. size: called with the number of recordings of each batch.
    """

    def __init__(self, predictor, max_batch=8, max_wait=0.02, size=lambda count: None):
        self.predictor, self.max_batch, self.max_wait, self.size = predictor, max_batch, max_wait, size
        self.waiting, self.some, self.full = [], asyncio.Event(), asyncio.Event()
        self.thread = ThreadPoolExecutor(1, "predictor")

    async def __call__(self, samples, mode):
        """(`Prediction`, seconds it waited, seconds it took) of one recording. Raises what the predictor raises of it."""
        item = Waiting(samples, mode, asyncio.get_running_loop().create_future())
        self.waiting.append(item)
        self.some.set()
        if len(self.waiting) >= self.max_batch:
            self.full.set()
        return await item.done

    async def run(self):
        """Answer until cancelled."""
        while True:
            await self.some.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.full.wait(), self.max_wait)
            self.waiting = [item for item in self.waiting if not item.done.done()]  # who has gone is not answered
            batch = [item for item in self.waiting if item.mode == self.waiting[0].mode][: self.max_batch]
            self.waiting = [item for item in self.waiting if not any(item is one for one in batch)]
            for event, there in ((self.some, bool(self.waiting)), (self.full, len(self.waiting) >= self.max_batch)):
                event.set() if there else event.clear()
            if batch:
                await self._answer(batch)

    async def _answer(self, batch):
        """Answer a batch; where it fails, each alone, so that one recording spoils no other's answer."""
        loop, start = asyncio.get_running_loop(), time.perf_counter()
        try:
            speech = [item.samples for item in batch]
            made = await loop.run_in_executor(self.thread, self.predictor, speech, batch[0].mode)
            self.size(len(batch))
        except Exception as error:
            if len(batch) > 1:
                for item in batch:
                    await self._answer([item])
            elif not batch[0].done.done():
                batch[0].done.set_exception(error)
            return
        took = time.perf_counter() - start
        for item, prediction in zip(batch, made):
            if not item.done.done():
                item.done.set_result((prediction, start - item.since, took))

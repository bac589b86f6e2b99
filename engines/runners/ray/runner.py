"""Runs an engine on warm Ray actors: loaded once each, bounded in flight, replaced as they die."""

import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from data.batches import batched
from data.outcome import Failed, Outcome
from engines.base import Engine
from engines.runners.accounting import answered
from engines.runners.ray.cluster import connect
from engines.runners.ray.pool import Actors, Job, WorkerDied


class RayRunner:
    """`workers` actors per engine, shared by every thread that maps it.

    They work as they come; `wait_s` bounds the wait for a place for the first one.
    """

    def __init__(self, workers: int, address: str | None = None, wait_s: float = 3600.0) -> None:
        self._workers, self._wait_s = workers, wait_s
        self._pools: dict[bytes, Actors] = {}
        self._opening = threading.Lock()
        self._connected = connect(address)

    def map(self, make: Callable[[], Engine], items: Iterable, batch: int) -> Iterator[Outcome]:
        """One outcome per item, batch by batch in the items' order."""
        pool = self._pool(make)
        flying: deque[Job] = deque()
        try:
            for chunk in batched(items, batch):
                # Wait for a free place only with empty hands: two readers that each hold
                # a finished job and wait for a second place would wait for ever.
                while (job := pool.submit(chunk, wait=not flying)) is None:
                    yield from _land(pool, flying.popleft())
                flying.append(job)
            while flying:
                yield from _land(pool, flying.popleft())
        finally:
            for job in flying:
                pool.leave(job)

    def close(self) -> None:
        """Ends the actors, and leaves the Ray that this runner joined; a local one ends."""
        import ray

        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        if self._connected:
            ray.shutdown()

    def _pool(self, make: Callable[[], Engine]) -> Actors:
        key = pickle.dumps(make)
        with self._opening:
            if key not in self._pools:
                self._pools[key] = Actors(make, self._workers, self._wait_s)
            return self._pools[key]


def _land(pool: Actors, job: Job) -> Iterator[Outcome]:
    """The job's outcomes; where its worker dies, what is unanswered is tried one by one."""
    left = {item.id: item for item in job.items}
    try:
        for outcome in answered(job.items, pool.outcomes(job)):
            del left[outcome.id]
            yield outcome
    except WorkerDied:
        for item in left.values():
            yield from _alone(pool, item)
    finally:
        pool.leave(job)


def _alone(pool: Actors, item: Any) -> Iterator[Outcome]:
    """The outcome of an item whose first worker died: a second death is its own fault."""
    try:
        # One at a time: the death of one must not count against another. And without waiting
        # for a place: those who hold one may be waiting for their turn here.
        with pool.one_suspect:
            job = pool.submit_beside([item])
            found = list(answered(job.items, pool.outcomes(job)))
    except WorkerDied as death:
        found = [Failed(item.id, "crashed", f"ended two workers that ran it ({death})")]
    yield from found

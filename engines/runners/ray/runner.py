"""Runs an engine on warm Ray actors: loaded once each, bounded in flight, replaced as they die."""

import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from data.batches import iter_batches
from data.outcome import Failed, Outcome
from engines.base import Engine
from engines.runners.accounting import check_outcomes
from engines.runners.ray.cluster import connect_cluster
from engines.runners.ray.pool import ActorPool, Job, WorkerDied


class RayRunner:
    """`workers` actors per engine, shared by all threads that map it.

    Batches start as soon as the first actor has loaded; `wait_s` bounds the wait for Ray to place
    that one.
    """

    def __init__(self, workers: int, address: str | None = None, wait_s: float = 3600.0) -> None:
        self._workers, self._wait_s = workers, wait_s
        self._pools: dict[bytes, ActorPool] = {}
        self._opening = threading.Lock()
        self._connected = connect_cluster(address)

    def map(self, make: Callable[[], Engine], items: Iterable, batch: int) -> Iterator[Outcome]:
        """One outcome per item, batch by batch in the items' order."""
        pool = self._get_pool(make)
        in_flight: deque[Job] = deque()
        try:
            for chunk in iter_batches(items, batch):
                # Wait for a free slot only with nothing in flight: two readers that each hold
                # a finished job and wait for a second slot would wait for ever.
                while (job := pool.submit(chunk, wait=not in_flight)) is None:
                    yield from _collect(pool, in_flight.popleft())
                in_flight.append(job)
            while in_flight:
                yield from _collect(pool, in_flight.popleft())
        finally:
            for job in in_flight:
                pool.release(job)

    @property
    def waited_s(self) -> float:
        """Seconds in which Ray had placed none of the actors."""
        return sum(pool.waited_s for pool in self._pools.values())

    def close(self) -> None:
        """Ends the actors, and leaves the Ray that this runner joined; a local one ends."""
        import ray

        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        if self._connected:
            ray.shutdown()

    def _get_pool(self, make: Callable[[], Engine]) -> ActorPool:
        key = pickle.dumps(make)
        with self._opening:
            if key not in self._pools:
                self._pools[key] = ActorPool(make, self._workers, self._wait_s)
            return self._pools[key]


def _collect(pool: ActorPool, job: Job) -> Iterator[Outcome]:
    """The job's outcomes; where its worker dies, the items left are run one by one."""
    left = {item.id: item for item in job.items}
    try:
        for outcome in check_outcomes(job.items, pool.read_outcomes(job)):
            del left[outcome.id]
            yield outcome
    except WorkerDied:
        for item in left.values():
            yield from _run_alone(pool, item)
    finally:
        pool.release(job)


def _run_alone(pool: ActorPool, item: Any) -> Iterator[Outcome]:
    """The outcome of an item whose first worker died; a second death is blamed on the item."""
    try:
        # One at a time: the death of one must not count against another. And without waiting
        # for a slot: those who hold one may be waiting for their turn here.
        with pool.one_suspect:
            job = pool.submit_extra([item])
            outcomes = list(check_outcomes(job.items, pool.read_outcomes(job)))
    except WorkerDied as death:
        outcomes = [Failed(item.id, "crashed", f"crashed two workers in a row ({death})")]
    yield from outcomes

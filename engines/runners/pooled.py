"""Runs an engine on warm worker processes: bounded in flight, a dead worker's items tried alone."""

import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from data.batches import iter_batches
from data.outcome import Failed, Outcome
from engines.base import Engine
from engines.runners.accounting import check_outcomes

BATCHES_PER_WORKER = 2  # in flight: one is decoded while the other's frames are embedded
OUTCOMES_AHEAD = 4  # that a worker may be ahead of its reader: bounds memory
MAX_TRIES = 3  # to start and load one worker: more deaths are not chance


class WorkerDied(Exception):
    """The worker is gone, or was killed because it gave no outcome within the deadline."""


@dataclass(slots=True)
class Job:
    """A batch that was sent to a worker; `stream` gives its outcomes."""

    worker: Any
    items: list[Any]
    stream: Any


class WorkerPool(Protocol):
    """The workers of one engine, and the free slots on them."""

    one_suspect: threading.Lock

    @property
    def waited_s(self) -> float:
        """Seconds in which there was no room for any of the workers."""
        ...

    def submit(self, items: list[Any], wait: bool) -> Job | None:
        """Sends a batch to a worker; None where all are busy and the caller will not wait."""
        ...

    def submit_extra(self, items: list[Any]) -> Job:
        """Sends a batch to a worker beyond its slots, as soon as one is alive."""
        ...

    def release(self, job: Job) -> None:
        """Frees the job's slot; its outcomes are no longer read."""
        ...

    def read_outcomes(self, job: Job) -> Iterator[Outcome]:
        """The job's outcomes as they come; WorkerDied where the worker is lost on the way."""
        ...

    def close(self) -> None:
        """Ends the workers; calls under way raise."""
        ...


class PooledRunner:
    """A pool of workers per engine, shared by all threads that map it."""

    def __init__(self, open_pool: Callable[[Callable[[], Engine]], WorkerPool]) -> None:
        self._open_pool = open_pool
        self._pools: dict[bytes, WorkerPool] = {}
        self._opening = threading.Lock()

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
        """Seconds in which there was no room for any worker."""
        return sum(pool.waited_s for pool in self._pools.values())

    def close(self) -> None:
        """Ends the workers."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def _get_pool(self, make: Callable[[], Engine]) -> WorkerPool:
        key = pickle.dumps(make)
        with self._opening:
            if key not in self._pools:
                self._pools[key] = self._open_pool(make)
            return self._pools[key]


def _collect(pool: WorkerPool, job: Job) -> Iterator[Outcome]:
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


def _run_alone(pool: WorkerPool, item: Any) -> Iterator[Outcome]:
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

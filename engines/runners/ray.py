"""Runs an engine on warm Ray actors: loaded once each, bounded in flight, replaced when they die."""

import os
import pickle
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from data.batches import batched
from data.errors import UserError
from data.outcome import Outcome
from engines.base import Engine
from engines.runners.accounting import answered, crashed

DEPTH = 2  # batches in flight per actor: one is decoded while the other's frames are embedded
AHEAD = 4  # outcomes an actor may be ahead of its reader: bounds memory


class Worker:
    """The actor's body: an engine, loaded once."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self.engine = make()

    def load(self) -> int:
        """Loads the engine here, not in `__init__`, so that its own error reaches the caller."""
        self.engine.load()
        return os.getpid()

    def run(self, batch: Sequence[Any]) -> Iterator[Outcome]:
        yield from self.engine.run(batch)


class WorkerDied(Exception):
    """The actor is gone, or did not answer within the engine's deadline and was ended."""


@dataclass(slots=True)
class _Job:
    """A batch that an actor has been given."""

    actor: Any
    items: list[Any]
    outcomes: Any


class _Pool:
    """The actors of one engine, and the places free on them."""

    def __init__(self, make: Callable[[], Engine], workers: int) -> None:
        import ray

        self._make, self._needs = make, make().needs
        self._free: queue.Queue[Any] = queue.Queue()
        self._actors: dict[Any, None] = {}
        self._changing = threading.Lock()
        self._closed = False
        ray.get([self._hire() for _ in range(workers)])

    def submit(self, items: list[Any], wait: bool) -> _Job | None:
        """Hands a batch to an actor; None where all are busy and the caller will not wait."""
        try:
            while (actor := self._free.get(block=wait)) not in self._actors:
                pass  # a place on an actor that has died since
        except queue.Empty:
            return None
        run = actor.run.options(num_returns="streaming", _generator_backpressure_num_objects=AHEAD)
        return _Job(actor, items, run.remote(items))

    def outcomes(self, job: _Job) -> Iterator[Outcome]:
        """The job's outcomes as they come; WorkerDied where the actor is lost on the way."""
        import ray
        from ray.exceptions import RayActorError

        try:
            while ray.wait([job.outcomes], timeout=self._needs.deadline_s)[0]:
                yield ray.get(next(job.outcomes))
            self._replace(job.actor)
            raise WorkerDied(f"no answer within {self._needs.deadline_s:g} s")
        except StopIteration:
            return
        except RayActorError as error:
            self._replace(job.actor)
            raise WorkerDied("the process died") from error
        finally:
            self._free_place(job.actor)

    def close(self) -> None:
        import ray

        self._closed = True
        for actor in self._actors:
            with suppress(Exception):
                ray.kill(actor)
        self._actors.clear()

    def _hire(self) -> Any:
        """A new actor; its load, to wait for."""
        import ray

        needs = self._needs
        remote = ray.remote(Worker).options(
            num_cpus=needs.cpus, num_gpus=needs.gpus, max_concurrency=DEPTH + 1, max_restarts=0
        )
        actor: Any = remote.remote(self._make)
        loaded = actor.load.remote()
        self._actors[actor] = None
        for _ in range(DEPTH):
            self._free.put(actor)
        return loaded

    def _replace(self, actor: Any) -> None:
        import ray

        with self._changing:
            if actor not in self._actors or self._closed:
                return
            del self._actors[actor]
            with suppress(Exception):
                ray.kill(actor)
            self._hire()

    def _free_place(self, actor: Any) -> None:
        if actor in self._actors:
            self._free.put(actor)


class RayRunner:
    """`workers` actors per engine, shared by every thread that maps it."""

    def __init__(self, workers: int, address: str | None = None) -> None:
        self._workers = workers
        self._pools: dict[bytes, _Pool] = {}
        self._opening = threading.Lock()
        _connect(address)

    def map(self, make: Callable[[], Engine], items: Iterable, batch: int) -> Iterator[Outcome]:
        """One outcome per item, batch by batch in the items' order."""
        pool = self._pool(make)
        flying: deque[_Job] = deque()
        for chunk in batched(items, batch):
            # Wait for a free place only with empty hands: two readers that each hold
            # a finished job and wait for a second place would wait for ever.
            while (job := pool.submit(chunk, wait=not flying)) is None:
                yield from _land(pool, flying.popleft())
            flying.append(job)
        while flying:
            yield from _land(pool, flying.popleft())

    def close(self) -> None:
        """Ends the actors, and the local Ray where this runner started it."""
        import ray

        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        ray.shutdown()

    def _pool(self, make: Callable[[], Engine]) -> _Pool:
        key = pickle.dumps(make)
        with self._opening:
            if key not in self._pools:
                self._pools[key] = _Pool(make, self._workers)
            return self._pools[key]


def _land(pool: _Pool, job: _Job) -> Iterator[Outcome]:
    """The job's outcomes; where its worker dies, what is unanswered is tried one by one."""
    left = {item.id: item for item in job.items}
    try:
        for outcome in answered(job.items, pool.outcomes(job)):
            del left[outcome.id]
            yield outcome
    except WorkerDied:
        for item in left.values():
            yield from _alone(pool, item)


def _alone(pool: _Pool, item: Any) -> Iterator[Outcome]:
    """The outcome of an item whose first worker died: a second death is its own fault."""
    job = pool.submit([item], wait=True)
    assert job is not None
    try:
        yield from answered(job.items, pool.outcomes(job))
    except WorkerDied as death:
        yield crashed(item.id, f"ended two workers that ran it ({death})")


def _connect(address: str | None) -> None:
    """Joins the cluster at the address, or starts a Ray of our own on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:  # outcomes are small: the default would reserve a third of the memory
        options |= {"include_dashboard": False, "object_store_memory": 256 * 2**20}
    try:
        ray.init(address=address or "local", **options)
    except ConnectionError as error:
        raise UserError(
            f"no Ray cluster at {address}: start one with `ray start --head`, or leave"
            " REELFLOW_RAY_ADDRESS unset to run on this machine"
        ) from error

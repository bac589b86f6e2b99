"""The warm actors of one engine: hired, lent out place by place, replaced when they die."""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from data.outcome import Outcome
from engines.base import Engine

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
class Job:
    """A batch that an actor has been given."""

    actor: Any
    items: list[Any]
    outcomes: Any


class Actors:
    """The actors of one engine, and the places free on them."""

    def __init__(self, make: Callable[[], Engine], workers: int) -> None:
        import ray

        self._make, self._needs = make, make().needs
        self._free: queue.Queue[Any] = queue.Queue()
        self._actors: dict[Any, None] = {}
        self._changing = threading.Lock()
        self._closed = False
        ray.get([self._hire() for _ in range(workers)])

    def submit(self, items: list[Any], wait: bool) -> Job | None:
        """Hands a batch to an actor; None where all are busy and the caller will not wait."""
        try:
            while (actor := self._free.get(block=wait)) not in self._actors:
                pass  # a place on an actor that has died since
        except queue.Empty:
            return None
        run = actor.run.options(num_returns="streaming", _generator_backpressure_num_objects=AHEAD)
        return Job(actor, items, run.remote(items))

    def outcomes(self, job: Job) -> Iterator[Outcome]:
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

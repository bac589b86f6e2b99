"""The warm actors of one engine: hired, lent out place by place, replaced when they die."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data.outcome import Outcome
from engines.base import Engine
from engines.runners.ray.startup import Hiring, end, own_words
from engines.runners.ray.worker_logs import Ear, Said

DEPTH = 2  # batches in flight per actor: one is decoded while the other's frames are embedded
POLL_S = 0.1  # between looks for workers that have loaded
AHEAD = 4  # outcomes an actor may be ahead of its reader: bounds memory

log = logging.getLogger(__name__)


class Worker:
    """The actor's body: an engine, given batches once it has loaded."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._ear = Ear()
        self._ear.listen()
        self.engine = make()

    def placed(self) -> None:
        """Answers as soon as the process is up."""

    def load(self) -> None:
        """Loads the engine here, not in `__init__`, so that its own error reaches the caller."""
        self.engine.load()

    def run(self, batch: Sequence[Any]) -> Iterator[Outcome | Said]:
        """The engine's outcomes, and before each what the process logged since the last."""
        for outcome in self.engine.run(batch):
            yield from self._ear.heard()
            yield outcome
        yield from self._ear.heard()


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

    def __init__(self, make: Callable[[], Engine], workers: int, wait_s: float) -> None:
        self._make, self._needs = make, make().needs
        self._free: queue.Queue[Any] = queue.Queue()
        self._actors: dict[Any, None] = {}  # that are at work
        self._hiring = Hiring(self._ask, self._needs, wait_s)
        self._changing = threading.Lock()
        self.one_suspect = threading.Lock()
        self._closed = False
        try:
            for _ in range(workers):
                self._hiring.one()
        except BaseException:
            self.close()
            raise

    def submit(self, items: list[Any], wait: bool) -> Job | None:
        """Hands a batch to an actor; None where all are busy and the caller will not wait."""
        while True:
            self._welcome()
            try:
                actor = self._free.get(block=wait, timeout=POLL_S)
            except queue.Empty:
                if not wait:
                    return None
            else:
                if actor in self._actors:  # else it is a place on one that has died since
                    return _given(actor, items)

    def submit_beside(self, items: list[Any]) -> Job:
        """Hands a batch to an actor beyond its places, as soon as there is one that lives."""
        while True:
            self._welcome()
            with self._changing:
                actor = next(reversed(self._actors), None)
            if actor is None:
                time.sleep(POLL_S)
            elif self._lives(actor):  # else its death would be blamed on the batch
                return _given(actor, items)

    def leave(self, job: Job) -> None:
        """Nobody reads the job's outcomes any more: its place is for others."""
        job.outcomes = None  # Ray does not hold an actor back for a reader that is gone
        if job.actor in self._actors:
            self._free.put(job.actor)

    def outcomes(self, job: Job) -> Iterator[Outcome]:
        """The job's outcomes as they come; WorkerDied where the actor is lost on the way."""
        import ray
        from ray.exceptions import RayActorError

        try:
            while ray.wait([job.outcomes], timeout=self._needs.deadline_s)[0]:
                with own_words():
                    given = ray.get(next(job.outcomes))
                if isinstance(given, Said):
                    given.tell()
                else:
                    yield given
            raise self._lost(job.actor, f"no answer within {self._needs.deadline_s:g} s")
        except StopIteration:
            return
        except RayActorError as error:
            raise self._lost(job.actor, "the process died") from error

    def close(self) -> None:
        with self._changing:
            self._closed = True
            self._hiring.close()
            for actor in self._actors:
                end(actor)
            self._actors.clear()

    def _ask(self) -> Any:
        import ray

        needs = self._needs
        remote: Any = ray.remote(Worker).options(
            num_cpus=needs.cpus, num_gpus=needs.gpus, max_concurrency=DEPTH + 1, max_restarts=0
        )
        return remote.remote(self._make)

    def _welcome(self) -> None:
        """Whoever has loaded since is at work."""
        with self._changing:
            if self._closed:
                raise RuntimeError("the runner was closed")
            for actor in self._hiring.come(len(self._actors)):
                self._actors[actor] = None
                for _ in range(DEPTH):
                    self._free.put(actor)

    def _lives(self, actor: Any) -> bool:
        """Whether the actor answers; another takes its place where it does not."""
        import ray
        from ray.exceptions import GetTimeoutError, RayActorError

        try:
            ray.get(actor.placed.remote(), timeout=self._needs.deadline_s)
        except (GetTimeoutError, RayActorError):
            self._lost(actor, "the process had died")
            return False
        return True

    def _lost(self, actor: Any, why: str) -> WorkerDied:
        """Another takes the actor's place."""
        if self._replace(actor):
            log.warning("a worker is replaced: %s", why)
        return WorkerDied(why)

    def _replace(self, actor: Any) -> bool:
        with self._changing:
            if actor not in self._actors or self._closed:
                return False
            del self._actors[actor]
            end(actor)
            self._hiring.one()
            return True


def _given(actor: Any, items: list[Any]) -> Job:
    run = actor.run.options(num_returns="streaming", _generator_backpressure_num_objects=AHEAD)
    return Job(actor, items, run.remote(items))

"""The warm actors of one engine: hired, lent out place by place, replaced when they die."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from data.errors import UserError
from data.outcome import Outcome
from engines.base import Engine
from engines.runners.said import Ear, Said

DEPTH = 2  # batches in flight per actor: one is decoded while the other's frames are embedded
AHEAD = 4  # outcomes an actor may be ahead of its reader: bounds memory

log = logging.getLogger(__name__)


class Worker:
    """The actor's body: an engine, loaded once."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._ear = Ear()
        self._ear.listen()
        self.engine, self._loaded, self._loading = make(), False, threading.Lock()

    def load(self) -> None:
        """Loads the engine here, not in `__init__`, so that its own error reaches the caller."""
        with self._loading:
            if not self._loaded:
                self.engine.load()
            self._loaded = True

    def run(self, batch: Sequence[Any]) -> Iterator[Outcome | Said]:
        """The engine's outcomes, and before each what the process logged since the last."""
        self.load()  # a replacement is handed batches at once, and its calls run side by side
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

    def __init__(self, make: Callable[[], Engine], workers: int) -> None:
        import ray

        self._make, self._needs = make, make().needs
        self._free: queue.Queue[Any] = queue.Queue()
        self._actors: dict[Any, None] = {}
        self._changing = threading.Lock()
        self.one_suspect = threading.Lock()
        self._closed = False
        try:
            with _own_words():
                ray.get([self._hire() for _ in range(workers)])
        except BaseException:
            self.close()
            raise

    def submit(self, items: list[Any], wait: bool) -> Job | None:
        """Hands a batch to an actor; None where all are busy and the caller will not wait."""
        try:
            while (actor := self._free.get(block=wait)) not in self._actors:
                self._check_open()  # else it is a place on an actor that has died since
        except queue.Empty:
            return None
        return _given(actor, items)

    def submit_beside(self, items: list[Any]) -> Job:
        """Hands a batch to an actor beyond its places, at once."""
        with self._changing:
            self._check_open()
            return _given(next(reversed(self._actors)), items)

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
                with _own_words():
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
        import ray

        self._closed = True
        for actor in self._actors:
            with suppress(Exception):
                ray.kill(actor)
        self._actors.clear()
        self._free.put(None)

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

    def _lost(self, actor: Any, why: str) -> WorkerDied:
        """Another takes the actor's place."""
        if self._replace(actor):
            log.warning("a worker is replaced: %s", why)
        return WorkerDied(why)

    def _replace(self, actor: Any) -> bool:
        import ray

        with self._changing:
            if actor not in self._actors or self._closed:
                return False
            del self._actors[actor]
            with suppress(Exception):
                ray.kill(actor)
            self._hire()
            return True

    def _check_open(self) -> None:
        if self._closed:
            self._free.put(None)  # whoever else waits is to hear of it too
            raise RuntimeError("the runner was closed")


def _given(actor: Any, items: list[Any]) -> Job:
    run = actor.run.options(num_returns="streaming", _generator_backpressure_num_objects=AHEAD)
    return Job(actor, items, run.remote(items))


@contextmanager
def _own_words() -> Iterator[None]:
    """Ray adds a remote traceback to what it raises; a UserError is for the user to read."""
    try:
        yield
    except UserError as error:
        raise UserError(str(getattr(error, "cause", error))) from error

"""The warm actors of one engine: started, lent out slot by slot, replaced when they die."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from data.outcome import Outcome
from engines.base import Engine
from engines.runners.pooled import BATCHES_PER_WORKER, OUTCOMES_AHEAD, Job, WorkerDied
from engines.runners.ray.startup import ActorStartup, kill_actor, unwrap_user_errors
from engines.runners.worker_logs import LogLine, WorkerLogHandler

POLL_S = 0.1  # between looks for actors that have loaded

log = logging.getLogger(__name__)


class EngineActor:
    """The actor's body: an engine, given batches once it has loaded."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._logs = WorkerLogHandler()
        self._logs.install()
        self.engine = make()

    def ping(self) -> None:
        """Returns as soon as the process is up."""

    def load(self) -> None:
        """Loads the engine here, not in `__init__`, so that its own error reaches the caller."""
        self.engine.load()

    def run(self, batch: Sequence[Any]) -> Iterator[Outcome | LogLine]:
        """The engine's outcomes, and before each what the process logged since the last."""
        for outcome in self.engine.run(batch):
            yield from self._logs.drain_lines()
            yield outcome
        yield from self._logs.drain_lines()


class ActorPool:
    """The actors of one engine, and the free slots on them."""

    def __init__(self, make: Callable[[], Engine], workers: int, wait_s: float) -> None:
        self._make, self._needs = make, make().needs
        self._free: queue.Queue[Any] = queue.Queue()
        self._actors: dict[Any, None] = {}  # those at work, in the order of their start
        self._startup = ActorStartup(self._request_actor, self._needs, wait_s)
        self._changing = threading.Lock()
        self.one_suspect = threading.Lock()
        self._closed = False
        try:
            for _ in range(workers):
                self._startup.start_actor()
        except BaseException:
            self.close()
            raise

    @property
    def waited_s(self) -> float:
        """Seconds in which Ray had placed none of the actors."""
        return self._startup.waited_s

    def submit(self, items: list[Any], wait: bool) -> Job | None:
        """Sends a batch to an actor; None where all are busy and the caller will not wait."""
        while True:
            self._admit_ready()
            try:
                actor = self._free.get(block=wait, timeout=POLL_S)
            except queue.Empty:
                if not wait:
                    return None
            else:
                if actor in self._actors:  # else it is a slot of one that has died since
                    return _submit_to(actor, items)

    def submit_extra(self, items: list[Any]) -> Job:
        """Sends a batch to an actor beyond its slots, as soon as one is alive."""
        while True:
            self._admit_ready()
            with self._changing:
                actor = next(reversed(self._actors), None)
            if actor is None:
                time.sleep(POLL_S)
            elif self._is_alive(actor):  # else its death would be blamed on the batch
                return _submit_to(actor, items)

    def release(self, job: Job) -> None:
        """Frees the job's slot; its outcomes are no longer read."""
        job.stream = None  # without a reference, Ray does not hold the actor back for its reader
        if job.worker in self._actors:
            self._free.put(job.worker)

    def read_outcomes(self, job: Job) -> Iterator[Outcome]:
        """The job's outcomes as they come; WorkerDied where the actor is lost on the way."""
        import ray
        from ray.exceptions import RayActorError

        try:
            while ray.wait([job.stream], timeout=self._needs.deadline_s)[0]:
                with unwrap_user_errors():
                    message = ray.get(next(job.stream))
                if isinstance(message, LogLine):
                    message.forward()
                else:
                    yield message
            raise self._report_lost(job.worker, f"no outcome within {self._needs.deadline_s:g} s")
        except StopIteration:
            return
        except RayActorError as error:
            raise self._report_lost(job.worker, "its process died") from error

    def close(self) -> None:
        with self._changing:
            self._closed = True
            self._startup.close()
            for actor in self._actors:
                kill_actor(actor)
            self._actors.clear()

    def _request_actor(self) -> Any:
        import ray

        needs = self._needs
        # One thread more than slots: for `ping`, and for a batch beyond them.
        remote: Any = ray.remote(EngineActor).options(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            max_concurrency=BATCHES_PER_WORKER + 1,
            max_restarts=0,
        )
        return remote.remote(self._make)

    def _admit_ready(self) -> None:
        """Opens the slots of the actors that have loaded since the last call."""
        with self._changing:
            if self._closed:
                raise RuntimeError("the runner was closed")
            for actor in self._startup.poll_ready(len(self._actors)):
                self._actors[actor] = None
                for _ in range(BATCHES_PER_WORKER):
                    self._free.put(actor)

    def _is_alive(self, actor: Any) -> bool:
        """Whether the actor answers; one that does not is replaced."""
        import ray
        from ray.exceptions import GetTimeoutError, RayActorError

        try:
            ray.get(actor.ping.remote(), timeout=self._needs.deadline_s)
        except (GetTimeoutError, RayActorError):
            self._report_lost(actor, "its process had died")
            return False
        return True

    def _report_lost(self, actor: Any, cause: str) -> WorkerDied:
        """Replaces an actor; the error to raise for it."""
        if self._replace_actor(actor):
            log.warning("replacing a worker: %s", cause)
        return WorkerDied(cause)

    def _replace_actor(self, actor: Any) -> bool:
        """Starts another in the actor's place; False where that has been done already."""
        with self._changing:
            if actor not in self._actors or self._closed:
                return False
            del self._actors[actor]
            kill_actor(actor)
            self._startup.start_actor()
            return True


def _submit_to(actor: Any, items: list[Any]) -> Job:
    run = actor.run.options(
        num_returns="streaming", _generator_backpressure_num_objects=OUTCOMES_AHEAD
    )
    return Job(actor, items, run.remote(items))

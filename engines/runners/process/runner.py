"""Runs an engine in one warm process on this machine: no cluster to start, the same guard."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from data.errors import UserError
from data.outcome import Outcome
from engines.base import Engine
from engines.runners.pooled import BATCHES_PER_WORKER, MAX_TRIES, Job, PooledRunner, WorkerDied
from engines.runners.process.child import WorkerProcess
from engines.runners.process.worker import DROPPED

POLL_S = 0.1  # between looks whether the runner was closed

log = logging.getLogger(__name__)


class ProcessRunner(PooledRunner):
    """One worker process per engine; an item that crashes it twice has crashed, the others go on.

    The process starts with the first `map` of its engine.
    """

    def __init__(self) -> None:
        super().__init__(ProcessPool)


class ProcessPool:
    """The process of one engine, its two slots, and another in its place where it dies."""

    waited_s = 0.0

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make, self._needs = make, make().needs
        self._slots = threading.Semaphore(BATCHES_PER_WORKER)
        self._starting = threading.Lock()
        self.one_suspect = threading.Lock()
        self._closed = False
        self._spawner = ThreadPoolExecutor(1, "worker-spawner")
        self._worker: WorkerProcess | None = WorkerProcess(make, self._spawner)

    def submit(self, items: list[Any], wait: bool) -> Job | None:
        """Sends a batch to the worker; None where it is busy and the caller will not wait."""
        while not self._slots.acquire(timeout=POLL_S if wait else 0):
            self._raise_if_closed()
            if not wait:
                return None
        try:
            return self.submit_extra(items)
        except BaseException:
            self._slots.release()
            raise

    def submit_extra(self, items: list[Any]) -> Job:
        """Sends a batch to the worker beyond its slots, as soon as it is alive."""
        return self._get_worker().submit(items)

    def release(self, job: Job) -> None:
        """Frees the job's slot; its outcomes are no longer read."""
        job.worker.acknowledge(job, DROPPED)
        self._slots.release()

    def read_outcomes(self, job: Job) -> Iterator[Outcome]:
        """The job's outcomes as they come; WorkerDied where the worker is lost on the way."""
        worker, (_, stream), deadline_s = job.worker, job.stream, self._needs.deadline_s
        while True:
            try:
                kind, value = stream.get(timeout=deadline_s)
            except queue.Empty:
                raise self._report_lost(worker, f"no outcome within {deadline_s:g} s") from None
            match kind:
                case "outcome":
                    yield value
                    worker.acknowledge(job)
                case "log":
                    value.forward()
                case "error":
                    raise value
                case "died":
                    raise self._report_lost(worker, "its process died")
                case _:
                    return

    def close(self) -> None:
        """Ends the process; calls under way raise."""
        self._closed = True
        if (worker := self._worker) is not None:
            worker.kill()
        self._spawner.shutdown(wait=False)

    def _get_worker(self) -> WorkerProcess:
        """The worker once it has loaded; another in its place where it has died."""
        with self._starting:
            for _ in range(MAX_TRIES):
                self._raise_if_closed()
                if self._worker is None:
                    self._worker = WorkerProcess(self._make, self._spawner)
                try:
                    self._worker.wait_loaded(self._needs.deadline_s)
                    if self._worker.is_alive(self._needs.deadline_s):
                        return self._worker
                    cause = "its process had died"
                except WorkerDied as death:
                    cause = str(death)
                self._drop_worker(cause)
        raise UserError(
            f"no worker loaded its engine in {MAX_TRIES} tries, the last: {cause}; if memory is"
            " short, the machine's or the GPU's, free some, or set REELFLOW_BATCH lower"
        )

    def _report_lost(self, worker: WorkerProcess, cause: str) -> WorkerDied:
        """Gives up a worker, unless that has been done; the error to raise for it."""
        with self._starting:
            if worker is self._worker and not self._closed:
                self._drop_worker(cause)
        return WorkerDied(cause)

    def _drop_worker(self, cause: str) -> None:
        log.warning("replacing a worker: %s", cause)
        if (worker := self._worker) is not None:
            self._worker = None
            worker.kill()

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise RuntimeError("the runner was closed")

"""The decoder processes of a guard, lent to the calls that have videos to decode."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from engines.video.guard.child import DecoderProcess
from engines.video.guard.queue import Cancelled, JobQueue


class WorkerPool:
    """At most `size` decoder processes, and one more for a call that would have none.

    That one stays: started anew for each video (2 s of imports) it took 10 times the CPU.
    """

    def __init__(self, size: int, deadline_s: float) -> None:
        self.size, self.deadline_s = size, deadline_s
        self._spawner = ThreadPoolExecutor(1, "guard-spawner")
        self._changed = threading.Condition()
        self._idle: list[DecoderProcess] = []
        self._busy: dict[DecoderProcess, JobQueue] = {}
        self._closed = False

    @contextmanager
    def lend_worker(self, jobs: JobQueue) -> Iterator[DecoderProcess]:
        """A process for one job of a queue, once one is free; Cancelled where nobody waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._can_start(jobs))
            self._raise_if_cancelled(jobs)
            worker = self._idle.pop() if self._idle else self._new_worker()
            self._busy[worker] = jobs
        try:
            yield worker
        finally:
            with self._changed:
                del self._busy[worker]
                surplus = self._closed or len(self._idle) + len(self._busy) > self.size
                if not surplus:
                    self._idle.append(worker)
                self._changed.notify_all()
            if surplus:
                worker.discard()

    def cancel_jobs(self, jobs: JobQueue, error: BaseException | None = None) -> None:
        """Cancels a queue and kills the processes that work for it."""
        with self._changed:
            jobs.cancel(error)
            for worker, owner in self._busy.items():
                if owner is jobs:
                    worker.kill()
            self._changed.notify_all()

    def close(self) -> None:
        """Kills all processes at once."""
        with self._changed:
            self._closed = True
            for jobs in set(self._busy.values()):
                self.cancel_jobs(jobs, RuntimeError("the guard was closed"))
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.discard()
        self._spawner.shutdown()

    def _can_start(self, jobs: JobQueue) -> bool:
        # A call without a process may always have one: else it would wait for the consumer of
        # another call, who may be waiting for this one.
        has_none = jobs not in self._busy.values()
        free = has_none or len(self._busy) < self.size
        return free or jobs.cancelled or self._closed

    def _raise_if_cancelled(self, jobs: JobQueue) -> None:
        if self._closed:
            jobs.cancel(RuntimeError("the guard was closed"))
        if jobs.cancelled:
            raise Cancelled

    def _new_worker(self) -> DecoderProcess:
        return DecoderProcess(self._spawner, self.deadline_s)

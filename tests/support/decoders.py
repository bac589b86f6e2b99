"""Decoder processes that outlive their guard, for the next test: each takes half a second of CPU.

With imports of PyAV and torch two seconds, several times in a test that runs flows.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import pytest

from engines.video.guard.child import DecoderProcess
from engines.video.guard.pool import WorkerPool

KEPT = 4
# Decoders read no setting, but what they are limited to may stand in one.
UNREAD = ("REELFLOW_ROOT", "REELFLOW_CATALOG", "PYTEST_CURRENT_TEST")


class DecoderStock:
    """Idle decoders of guards that were closed, the latest last, and what each was started in."""

    def __init__(self) -> None:
        self._kept: list[DecoderProcess] = []
        self._environments = WeakKeyDictionary[DecoderProcess, dict[str, str]]()
        self._spawner = ThreadPoolExecutor(1, "decoders-of-tests")  # a decoder ends with its thread
        self._close = WorkerPool.close

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Guards take from here, and give back, in the block."""
        stock = self
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(WorkerPool, "_new_worker", lambda pool: stock._take(pool))
            patch.setattr(WorkerPool, "close", lambda pool: stock._give_back(pool))
            yield

    def close(self) -> None:
        """Ends all decoders."""
        for worker in self._kept:
            worker.discard()
        self._spawner.shutdown()

    def _take(self, pool: WorkerPool) -> DecoderProcess:
        here = {name: value for name, value in os.environ.items() if name not in UNREAD}
        for worker in self._kept:
            if self._environments[worker] == here:
                self._kept.remove(worker)
                worker.deadline_s = pool.deadline_s
                return worker
        worker = DecoderProcess(self._spawner, pool.deadline_s)
        self._environments[worker] = here
        return worker

    def _give_back(self, pool: WorkerPool) -> None:
        with pool._changed:
            idle, pool._idle = pool._idle, []
        self._close(pool)
        self._kept += [worker for worker in idle if worker.process is not None]
        while len(self._kept) > KEPT:
            self._kept.pop(0).discard()

"""Runs an engine as Dask tasks: for array work that needs no accelerator and no warm model."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from data.batches import iter_batches
from data.outcome import Outcome
from engines.base import Engine
from engines.runners.accounting import check_outcomes


class DaskRunner:
    """`scheduler` is "threads", "processes", "synchronous", or a cluster's address (tcp://…)."""

    waited_s = 0.0

    def __init__(self, workers: int, scheduler: str = "threads") -> None:
        self._workers = workers
        self._client = _connect_client(scheduler) if "://" in scheduler else None
        self._scheduler: Any = self._client.get if self._client else scheduler

    def map(self, make: Callable[[], Engine], items: Iterable, batch: int) -> Iterator[Outcome]:
        """One outcome per item, in order; at most two batches a worker are in flight."""
        import dask

        for window in iter_batches(iter_batches(items, batch), 2 * self._workers):
            # Not pure: Dask would hash every batch for a name, and never run equal ones twice.
            graph = [dask.delayed(_run_batch, pure=False)(make, chunk) for chunk in window]
            options = {} if self._client else {"num_workers": self._workers}
            for chunk, outcomes in zip(
                window, dask.compute(*graph, scheduler=self._scheduler, **options), strict=True
            ):
                yield from check_outcomes(chunk, outcomes)

    def close(self) -> None:
        if self._client:
            self._client.close()


def _run_batch(make: Callable[[], Engine], batch: list[Any]) -> list[Outcome]:
    engine = make()
    engine.load()
    try:
        return list(engine.run(batch))
    finally:
        engine.close()


def _connect_client(address: str) -> Any:
    from distributed import Client

    return Client(address)

"""Ending when told to: within seconds, whatever threads wait for; what was finished is kept."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect.exceptions import TerminationSignal

SECONDS = 5.0  # in which locks are given back and workers ended
CODE = 143  # as of a process that SIGTERM ended


def _nothing() -> None:
    """Nothing."""


@contextmanager
def ends_soon(first: Callable[[], object] = _nothing) -> Iterator[None]:
    """Where a run is told to end in the block, calls `first`; its process is gone 5 s later.

    Prefect would wait for threads that wait for workers, and kill the process half a minute later.
    """
    try:
        yield
    except TerminationSignal:
        timer = threading.Timer(SECONDS, os._exit, [CODE])
        timer.daemon = True
        timer.start()
        first()
        raise

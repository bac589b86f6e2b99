"""Ends a terminated run within seconds, whatever its threads wait for."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect.exceptions import TerminationSignal

GRACE_S = 5.0  # to release locks and end workers
EXIT_CODE = 143  # 128 + SIGTERM, as of a process that the signal ended


def _do_nothing() -> None:
    """The default of `exit_on_termination`: there is nothing to do first."""


@contextmanager
def exit_on_termination(on_exit: Callable[[], object] = _do_nothing) -> Iterator[None]:
    """Calls `on_exit` when the run is terminated in the block; its process ends within 5 s.

    Finished shards keep their receipts, so the next run takes up only what is left.
    """
    try:
        yield
    except TerminationSignal:
        # Prefect would join threads that wait for workers, and kill the process 30 s later:
        # the timer ends it first, while locks can still be released.
        timer = threading.Timer(GRACE_S, os._exit, [EXIT_CODE])
        timer.daemon = True
        timer.start()
        on_exit()
        raise

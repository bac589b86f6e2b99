"""Interrupts (SIGINT) for processes that a shell started in the background."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def allow_interrupts() -> Iterator[None]:
    """Lets interrupts reach this process for the block, and for good the processes started in it.

    A shell makes its background jobs ignore SIGINT, and their children inherit that.
    """
    # Only the main thread may set signal handlers.
    is_main = threading.current_thread() is threading.main_thread()
    is_ignored = is_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if is_ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if is_ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

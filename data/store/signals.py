"""Interrupts, which what a shell runs in the background ignores with all that it starts."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[None]:
    """In the block interrupts reach this process, and for good what is started there."""
    mine = threading.current_thread() is threading.main_thread()
    deaf = mine and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if deaf:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if deaf:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

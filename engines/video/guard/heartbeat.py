"""Heartbeats of work that goes on without a result, for the process that waits for it."""

import time
from collections.abc import Callable

INTERVAL_S = 1.0

_listener: Callable[[], None] | None = None
_last = 0.0


def set_listener(listener: Callable[[], None] | None) -> None:
    """Makes `send_heartbeat` call this function from now on."""
    global _listener
    _listener = listener


def send_heartbeat() -> None:
    """Tells the listener that work goes on; at most once a second, so cheap in any loop."""
    global _last
    if _listener is not None and time.monotonic() - _last > INTERVAL_S:
        _last = time.monotonic()
        _listener()

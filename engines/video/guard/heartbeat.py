"""Signs of life from work that goes on without a result, for whoever watches over it."""

import time
from collections.abc import Callable

EVERY_S = 1.0

_listener: Callable[[], None] | None = None
_last = 0.0


def listen(listener: Callable[[], None] | None) -> None:
    """Has `listener` called by `beat` from now on."""
    global _listener
    _listener = listener


def beat() -> None:
    """Says that work goes on; at most once a second it is passed on."""
    global _last
    if _listener is not None and time.monotonic() - _last > EVERY_S:
        _last = time.monotonic()
        _listener()

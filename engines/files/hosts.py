"""Hosts that deliver nothing: their rows are not each waited for, and are counted."""

import threading
import time
from collections import Counter

from engines.files.urls import find_host

DOWN_AFTER = 10  # failures in a row, without any file delivered between them
TRIED_AGAIN_S = 60.0  # seconds after which a host that was down is tried once more


class HostHealth:
    """Which hosts deliver files, in one process; threads may share it. Local paths are no host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streaks: Counter[str] = Counter()
        self._last_faults: dict[str, str] = {}
        self._down_since: dict[str, float] = {}

    def find_fault(self, location: str) -> str | None:
        """Why a file of a host that is down is not even asked for; None where it is to be."""
        host = find_host(location)
        with self._lock:
            since = self._down_since.get(host)
            if since is None:
                return None
            if time.monotonic() - since > TRIED_AGAIN_S:
                self._down_since[host] = time.monotonic()  # for one of the callers
                return None
            count, last = self._streaks[host], self._last_faults[host]
            return f"{host} is not tried for a while, after {count:,} failures in a row: {last}"

    def record(self, location: str, fault: str | None) -> None:
        """Records why a host did not deliver a file; None where it did, or has no such file."""
        if not (host := find_host(location)):
            return
        with self._lock:
            # A server that asks for patience is there: its other rows are worth the wait.
            if fault is None or fault.startswith("HTTP 429"):
                del self._streaks[host]
                self._down_since.pop(host, None)
                return
            self._streaks[host] += 1
            self._last_faults[host] = fault
            if self._streaks[host] >= DOWN_AFTER:
                self._down_since.setdefault(host, time.monotonic())

"""A run ends where a whole host delivers nothing: one bad row, or a few, are rows."""

import threading
from collections import Counter
from typing import Any

from data.errors import UserError
from data.outcome import NOT_DELIVERED, Failed, Outcome
from engines.files.urls import find_host

MIN_ROWS = 10  # of a host, before all of them failing says anything about the host


class HostsGone(UserError):
    """A whole host delivered nothing; what others delivered is done, as `summary` says."""

    def __init__(self, text: str, summary: dict[str, Any]) -> None:
        super().__init__(text)
        self.summary = summary


class HostTally:
    """The rows of one run by the host of their files, delivered or not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._delivered, self._failed = Counter[str](), Counter[str]()
        self._faults: dict[str, str] = {}

    def add(self, location: str, fault: str | None) -> None:
        """Counts a row; `fault` says why its file was unreachable, None where it was not.

        A local file is at nobody's host: whatever its fault, it was delivered.
        """
        host = find_host(location)
        with self._lock:
            if fault is None or not host:
                self._delivered[host] += 1
            else:
                self._failed[host] += 1
                self._faults[host] = fault

    def add_outcome(self, location: str, outcome: Outcome[object]) -> None:
        """Counts an item with its outcome."""
        fault = None
        if isinstance(outcome, Failed) and outcome.reason in NOT_DELIVERED:
            fault = outcome.detail
        self.add(location, fault)

    def require_hosts(
        self, share: float, fix: str, whole: bool = False, summary: dict[str, Any] | None = None
    ) -> None:
        """A UserError where a host that matters delivered none of its rows.

        Where others delivered theirs it is HostsGone with the `summary` of the run.

        It matters with ten rows that are `share` of the run's. Of a `whole` source it also does
        where no row was delivered at all; a run of what is left may well have one row, and a bad
        one. Everything is recorded by then; `fix` says how to try these rows again.
        """
        total = self._delivered.total() + self._failed.total()
        for host, count in self._failed.most_common():
            matters = count >= MIN_ROWS and count >= share * total
            is_all = whole and not self._delivered.total()
            if not self._delivered[host] and (matters or is_all):
                rows = f"all {count:,} rows" if count > 1 else "the only row"
                text = (
                    f"{rows} of {host} failed: {self._faults[host]}. They are"
                    f" recorded as unreachable, and all other rows as usual: {fix}; where the host"
                    " is gone for good, take its rows out of the source, or withdraw them"
                )
                others = self._delivered.total()
                raise HostsGone(text, summary or {}) if others else UserError(text)

"""What was looked up in the catalogue, kept for as long as that is the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

MAX_KEPT = 16  # each prompt may have a condition of its own
T = TypeVar("T")


class Lookups:
    """Results of queries that look through the whole corpus: a search has many batches of prompts.

    They are forgotten once the catalogue's file has changed: a withdrawal counts at once.
    """

    def __init__(self, catalog: Path) -> None:
        self._catalog, self._state = catalog, (0, 0, 0)
        self._results: dict[str, Any] = {}

    def find(self, key: str, query: Callable[[], T]) -> T:
        """The result of a query, from before if it was asked of the same catalogue."""
        status = self._catalog.stat()
        state = status.st_ino, status.st_mtime_ns, status.st_size
        if state != self._state or len(self._results) >= MAX_KEPT:
            self._state, self._results = state, {}
        if key not in self._results:
            self._results[key] = query()
        return self._results[key]

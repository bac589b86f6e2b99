"""A least-recently-used cache of arrays, bounded by their bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")
Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by key; beyond `limit` bytes the least recently used go. Safe for several threads.

    `hits` and `misses` count the values requested; `size` gives the bytes that a value takes.
    """

    def __init__(self, limit: int, size: Callable[[Value], int]) -> None:
        self.limit, self.size, self.total_bytes = limit, size, 0
        self.misses = self.hits = 0
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get_all(
        self, items: Mapping[str, T], make: Callable[[dict[str, T]], Mapping[str, Value]]
    ) -> dict[str, Value]:
        """The value of every key; one call of `make` gives those that are not cached."""
        with self._lock:
            cached = {key: self._values[key] for key in items if key in self._values}
            for key in cached:
                self._values.move_to_end(key)
            self.hits += len(cached)
        missing = {key: item for key, item in items.items() if key not in cached}
        if not missing:
            return cached
        # Outside the lock, so that one batch's decoding does not hold up another's cache hits.
        # Two threads may then make the same value; the later one replaces an equal one.
        fresh = make(missing)
        with self._lock:
            self.misses += len(fresh)
            for key, value in fresh.items():
                self._put(key, value)
        return cached | dict(fresh)

    def _put(self, key: str, value: Value) -> None:
        old = self._values.pop(key, None)
        self.total_bytes += self.size(value) - (self.size(old) if old is not None else 0)
        self._values[key] = value
        while self.total_bytes > self.limit:
            _, evicted = self._values.popitem(last=False)
            self.total_bytes -= self.size(evicted)

"""Results kept for a while, so that many people and many clicks compute them once."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class Kept:
    """The `limit` values that were used last, by key; any thread may use it."""

    def __init__(self, limit: int) -> None:
        self._limit, self._values = limit, OrderedDict[Any, Any]()
        self._lock = threading.Lock()

    def find(self, key: Any, make: Callable[[], Any]) -> Any:
        """The value of a key, made where it is not there (any more)."""
        found = self.recall(key)
        if found is None:
            found = make()
            self.put(key, found)
        return found

    def recall(self, key: Any) -> Any:
        """The value of a key; None where it is not there any more."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Any, value: Any) -> None:
        """Keeps a value, and lets go of what nobody asked for longest."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._limit:
                self._values.popitem(last=False)

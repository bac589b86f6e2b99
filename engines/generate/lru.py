"""What was made once and may be wanted again, within a bound of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")
Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by key; beyond `limit` bytes the ones unused for longest go. For several threads.

    `made` and `reused` count the values asked for; `size` tells how many bytes a value takes.
    """

    def __init__(self, limit: int, size: Callable[[Value], int]) -> None:
        self.limit, self.size, self.held = limit, size, 0
        self.made = self.reused = 0
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = threading.Lock()

    def all(
        self, items: Mapping[str, T], make: Callable[[dict[str, T]], Mapping[str, Value]]
    ) -> dict[str, Value]:
        """The value of every key; `make` gives those of the items that are not there, at once."""
        with self._lock:
            found = {key: self._values[key] for key in items if key in self._values}
            for key in found:
                self._values.move_to_end(key)
            self.reused += len(found)
        missing = {key: item for key, item in items.items() if key not in found}
        if not missing:
            return found
        new = make(missing)
        with self._lock:
            self.made += len(new)
            for key, value in new.items():
                self._put(key, value)
        return found | dict(new)

    def _put(self, key: str, value: Value) -> None:
        old = self._values.pop(key, None)
        self.held += self.size(value) - (self.size(old) if old is not None else 0)
        self._values[key] = value
        while self.held > self.limit:
            _, gone = self._values.popitem(last=False)
            self.held -= self.size(gone)

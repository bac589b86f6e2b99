"""Files made on demand and kept for a while: a folder that stays below a bound."""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path


class FileCache:
    """Files by key in a folder; beyond `limit` bytes the least recently used are removed.

    Whoever asks for a file that another thread is just making waits for that one.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit, self.total_bytes = folder, limit, 0
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}

    def find(self, key: str, suffix: str, make: Callable[[Path], object]) -> bytes:
        """The file's bytes; `make` writes it where it is not there yet."""
        name = hashlib.sha256(key.encode()).hexdigest() + suffix
        with self._lock:
            turn = self._making.setdefault(name, threading.Lock())
        with turn:
            try:
                with self._lock:
                    known = name in self._sizes
                    if known:
                        self._sizes.move_to_end(name)
                if not known:
                    self._add(name, make)
                return (self.folder / name).read_bytes()
            finally:
                with self._lock:
                    self._making.pop(name, None)

    def _add(self, name: str, make: Callable[[Path], object]) -> None:
        draft = self.folder / f"draft-{name}"
        make(draft)
        os.replace(draft, self.folder / name)
        size = (self.folder / name).stat().st_size
        with self._lock:
            self._sizes[name] = size
            self.total_bytes += size
            while self.total_bytes > self.limit and len(self._sizes) > 1:
                old, freed = self._sizes.popitem(last=False)
                self.total_bytes -= freed
                (self.folder / old).unlink(missing_ok=True)

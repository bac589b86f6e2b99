"""Room for clips between passes: in memory, or in files where a clip is large."""

from itertools import count
from pathlib import Path

import numpy as np

from data.store.temporary import TemporaryFolder

MAX_BYTES = 64 << 20  # of one array in memory: larger ones are pages that the system may drop


class Scratch:
    """Arrays of one clip; used in a `with` block, whose end removes their files."""

    def __enter__(self) -> "Scratch":
        self._numbers, self._folder = count(), None
        return self

    def __exit__(self, *exc: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    _folder: TemporaryFolder | None

    def make_array(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array of float32 that nothing was written to."""
        if 4 * int(np.prod(shape)) <= MAX_BYTES:
            return np.empty(shape, np.float32)
        self._folder = self._folder or TemporaryFolder()
        file = Path(self._folder.name) / f"{next(self._numbers)}.npy"
        return np.lib.format.open_memmap(file, "w+", np.float32, shape)

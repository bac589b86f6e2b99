"""Room for clips between passes: in memory, or in files where a clip is large."""

from collections.abc import Iterable
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
        return np.lib.format.open_memmap(self._place_file(), "w+", np.float32, shape)

    def _place_file(self) -> Path:
        self._folder = self._folder or TemporaryFolder()
        return Path(self._folder.name) / f"{next(self._numbers)}.npy"

    def join_bytes(self, parts: Iterable[np.ndarray]) -> np.ndarray:
        """(T, H, W, 3) float32 from 0 to 1, of chunks (n, 3, H, W) of bytes in their order.

        Not all of a long clip is in memory at once.
        """
        held: list[np.ndarray] = []
        file, size, shape = None, 0, (0, 0, 0)
        for part in parts:
            pixels = part.transpose(0, 2, 3, 1).astype(np.float32) / np.float32(255)
            size, shape = size + len(pixels), pixels.shape[1:]
            held.append(pixels)
            if file is None and sum(each.nbytes for each in held) > MAX_BYTES:
                file = self._place_file().open("w+b")
            while file is not None and held:
                file.write(held.pop(0).tobytes())
        if file is None:
            return np.concatenate(held)
        with file:
            file.flush()
            return np.memmap(file, np.float32, "r", shape=(size, *shape))

"""Batches that fit the memory: one that does not is halved, and the size that did is kept."""

import logging
from collections.abc import Callable

import numpy as np

from engines.memory import is_out_of_memory

Apply = Callable[[np.ndarray], np.ndarray]

log = logging.getLogger(__name__)


class FittingBatch:
    """Applies a function to at most `size` rows at a time; `size` only ever shrinks."""

    def __init__(self, size: int) -> None:
        self.size = size

    def apply(self, run: Apply, rows: np.ndarray) -> np.ndarray:
        """`run` over all rows, concatenated; its own error where even one row is too much."""
        parts, start = [], 0
        while start < len(rows):
            batch = rows[start : start + self.size]
            try:
                parts.append(run(batch))
            except Exception as error:
                if not is_out_of_memory(error) or len(batch) == 1:
                    raise
                self.size = len(batch) // 2
                continue
            start += len(batch)
        return np.concatenate(parts)


class PaddedBatch:
    """Applies a function to `least` to `most` rows at a time: fewer are padded with the first row.

    The last bits of a vector depend on the shape of its batch. `least` shrinks where the padding
    is what does not fit in memory, which a warning reports: last bits may then differ.
    """

    def __init__(self, least: int, most: int | None = None) -> None:
        self.least, self.most = least, most

    def apply(self, run: Apply, rows: np.ndarray) -> np.ndarray:
        """`run` over all rows, concatenated; its own error where they do not fit unpadded."""
        most = self.most or len(rows)
        parts = (rows[start : start + most] for start in range(0, len(rows), most))
        return np.concatenate([self._run_padded(run, part) for part in parts])

    def _run_padded(self, run: Apply, rows: np.ndarray) -> np.ndarray:
        while True:
            padding = np.repeat(rows[:1], max(0, self.least - len(rows)), axis=0)
            try:
                return run(np.concatenate([rows, padding]))[: len(rows)]
            except Exception as error:
                if not is_out_of_memory(error) or not len(padding):
                    raise
            self.least = max(len(rows), self.least // 2)
            log.warning(
                "out of memory: batches are padded to %d rows from now on, and the last bits of"
                " vectors may differ from those of larger ones", self.least,
            )  # fmt: skip

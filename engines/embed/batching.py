"""Batches that fit: where one does not, it is halved, and the size that fitted is remembered."""

from collections.abc import Callable

import numpy as np

OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError")


class FittingBatch:
    """Applies a function to at most `size` rows at a time; `size` only ever shrinks."""

    def __init__(self, size: int) -> None:
        self.size = size

    def apply(self, run: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
        """`run` over all rows, joined; what the device says where even one row is too much."""
        parts, start = [], 0
        while start < len(rows):
            taken = rows[start : start + self.size]
            try:
                parts.append(run(taken))
            except Exception as error:
                if type(error).__name__ not in OUT_OF_MEMORY or self.size == 1:
                    raise
                self.size = max(1, min(self.size, len(taken)) // 2)
                continue
            start += len(taken)
        return np.concatenate(parts)

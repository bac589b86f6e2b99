"""Batches that fit the memory: one that does not is halved, and the size that did is kept."""

from collections.abc import Callable

import numpy as np

OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError")  # by name: torch's is not importable here


class FittingBatch:
    """Applies a function to at most `size` rows at a time; `size` only ever shrinks."""

    def __init__(self, size: int) -> None:
        self.size = size

    def apply(self, run: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
        """`run` over all rows, concatenated; its own error where even one row is too much."""
        parts, start = [], 0
        while start < len(rows):
            batch = rows[start : start + self.size]
            try:
                parts.append(run(batch))
            except Exception as error:
                if type(error).__name__ not in OUT_OF_MEMORY or self.size == 1:
                    raise
                self.size = max(1, min(self.size, len(batch)) // 2)
                continue
            start += len(batch)
        return np.concatenate(parts)

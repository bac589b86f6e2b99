"""Search of an index by comparing every row."""

from typing import Any

import numpy as np


class ExactSearch:
    """An index that compares the query with every row, whatever kind it is."""

    def __init__(self, index: Any) -> None:
        self._index, self.contents, self.vectors = index, index.contents, index.vectors
        self.rows = index.rows

    def __len__(self) -> int:
        return len(self._index)

    def search(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None, effort: int
    ) -> tuple[np.ndarray, np.ndarray]:
        return self._index.scan(queries, k, allowed=allowed)

"""The exact vectors that lie beside an index of approximate ones."""

from pathlib import Path

import numpy as np

from engines.index import version
from engines.index.batches import write_halves


class ExactVectors:
    """Vectors in half precision, row by row; none at all where the index keeps its own exactly.

    What is appended is joined to the others when they are read next: once, however many came.
    """

    def __init__(self, first: np.ndarray | None) -> None:
        self._parts = [] if first is None else [first]

    def join_parts(self) -> np.ndarray | None:
        """All of them (n, d); None where there are none."""
        if len(self._parts) > 1:
            self._parts = [np.vstack(self._parts)]
        return self._parts[0] if self._parts else None

    def append(self, vectors: np.ndarray) -> None:
        """Appends vectors (n, d), where any are kept."""
        if self._parts:
            self._parts.append(vectors.astype(self._parts[0].dtype))

    def write(self, folder: Path) -> None:
        """Writes them into a version's folder, where any are kept."""
        if (vectors := self.join_parts()) is not None:
            write_halves(vectors, folder / version.VECTORS)

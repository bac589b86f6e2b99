"""Vectors to index: sorted clusters, the worst order for whoever trains on the first rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engines.index.batches import Batch


def clustered(count: int, dim: int = 32, *, clusters: int = 20, seed: int = 0) -> np.ndarray:
    """Unit vectors (count, dim) float32, one cluster after the other."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((clusters, dim))
    which = np.sort(random.integers(0, clusters, count))
    vectors = centres[which] + 0.5 * random.standard_normal((count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def named(count: int, first: int = 0) -> list[str]:
    """Ids v00000, v00001, …"""
    return [f"v{n:05}" for n in range(first, first + count)]


def batches(vectors: np.ndarray, size: int = 700, first: int = 0) -> Iterator[Batch]:
    """The vectors, `size` at a time, with ids that count from `first`."""
    ids = named(len(vectors), first)
    for start in range(0, len(vectors), size):
        yield Batch(ids[start : start + size], vectors[start : start + size])


def files_below(folder: Path) -> list[str]:
    """Everything under a folder, hidden files included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

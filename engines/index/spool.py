"""Spools vectors to local disk in a seeded random order, in whatever order they came."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.errors import UserError
from engines.index import version
from engines.index.batches import CHUNK, Batch, check_batches


@dataclass(frozen=True, slots=True)
class Spool:
    """`folder` holds one `vectors.npy` (n, d) float32; row i of `ids` names its row i."""

    folder: Path
    ids: pa.Table

    @property
    def vectors(self) -> np.ndarray:
        """The vectors (n, d), memory-mapped."""
        return np.load(self.folder / "vectors.npy", mmap_mode="r")


def write_shuffled(batches: Iterable[Batch], folder: Path, seed: int) -> Spool:
    """Writes the vectors in a random order that depends on `seed` and the input alone.

    A prefix is then a random sample: autofaiss trains on the first vectors of its input, and a
    graph index grown from sorted input links badly. It uses the disk twice, memory for ids only.
    """
    folder.mkdir(parents=True)
    raw = folder.parent / f"{folder.name}.raw"
    ids, dim = _append_batches(batches, raw)
    table = ids.table()
    vectors = np.memmap(raw, np.float32, "r", shape=(len(table), dim))
    order = np.random.default_rng(seed).permutation(len(table))
    _write_rows(folder / "vectors.npy", vectors, order)
    raw.unlink()
    shuffled = table.take(order).set_column(0, "row", [np.arange(len(order))])
    return Spool(folder, shuffled)


def _append_batches(batches: Iterable[Batch], raw: Path) -> tuple[version.Ids, int]:
    ids, dim = version.Ids(), 0
    with raw.open("wb") as file:
        for batch in check_batches(batches):
            dim = batch.vectors.shape[1]
            file.write(batch.vectors.tobytes())
            ids.add(batch.ids, batch.contents)
    if not dim:
        raise UserError("there are no vectors to index: embed and pool the corpus first")
    return ids, dim


def _write_rows(path: Path, vectors: np.ndarray, order: np.ndarray) -> None:
    with path.open("wb") as file:
        shape = {"descr": "<f4", "fortran_order": False, "shape": vectors.shape}
        np.lib.format.write_array_header_1_0(file, shape)
        for first in range(0, len(order), CHUNK):
            file.write(vectors[order[first : first + CHUNK]].tobytes())


def sample_vectors(batches: Iterable[Batch], size: int, seed: int) -> np.ndarray:
    """A uniform random sample of at most `size` vectors (m, d) of a stream of any length."""
    random = np.random.default_rng(seed)
    # Each vector draws a number; those with the lowest are the sample, however long the stream.
    draws, sample = np.empty(0), None
    for vectors in _list_vectors(batches):
        draws = np.concatenate([draws, random.random(len(vectors))])
        sample = vectors if sample is None else np.vstack([sample, vectors])
        if len(draws) > 2 * size:
            draws, sample = _keep_lowest(draws, sample, size)
    if sample is None:
        raise UserError("there are no vectors to train on: embed and pool the corpus first")
    return _keep_lowest(draws, sample, size)[1]


def _list_vectors(batches: Iterable[Batch]) -> Iterator[np.ndarray]:
    return (batch.vectors for batch in check_batches(batches))


def _keep_lowest(
    draws: np.ndarray, vectors: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(draws, kind="stable")[:size]
    return draws[order], vectors[order]

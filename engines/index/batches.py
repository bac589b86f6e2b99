"""Vectors with their ids, streamed in batches and checked before they are indexed."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError

CHUNK = 65536  # rows handled at a time: 128 MB at 512 dimensions


class Batch(NamedTuple):
    """Some videos' vectors (n, d), their ids, and the identity of their bytes if it is known."""

    ids: Sequence[str]
    vectors: np.ndarray
    contents: Sequence[str | None] | None = None


def read_parquet(files: Iterable[Path], rows: int = 8192) -> Iterator[Batch]:
    """Batches of at most `rows` from files with columns video_id, vector and maybe content."""
    for path in files:
        with pq.ParquetFile(path) as file:
            names = [n for n in ("video_id", "vector", "content") if n in file.schema_arrow.names]
            for table in file.iter_batches(batch_size=rows, columns=names):
                yield _to_batch(table)


def _to_batch(table: pa.RecordBatch) -> Batch:
    column = table.column("vector")
    # Flattening would drop a null, and shift every later vector to its neighbour's id.
    if column.null_count:
        raise UserError("a vector is null: pool the corpus again with reelflow pool NAME")
    vectors = column.flatten().to_numpy(zero_copy_only=False)
    contents = table.column("content").to_pylist() if "content" in table.schema.names else None
    return Batch(table.column("video_id").to_pylist(), vectors.reshape(len(column), -1), contents)


def to_unit(vectors: np.ndarray) -> np.ndarray:
    """The rows of (n, d) at length 1, float32 in C order; a row of zeros becomes NaN."""
    wide = np.asarray(vectors, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return np.ascontiguousarray(scaled, dtype=np.float32)


def check_batches(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same batches as float32 unit vectors of one width; raises for what cannot be indexed."""
    dim = 0
    for batch in batches:
        ids, vectors, contents = Batch(*batch)
        if vectors.ndim != 2 or len(ids) != len(vectors):
            raise ValueError(f"{len(ids)} ids came with vectors of shape {vectors.shape}")
        dim = dim or vectors.shape[1]
        if vectors.shape[1] != dim:
            raise UserError(
                f"video {ids[0]!r} has {vectors.shape[1]} dimensions, those before it {dim}: "
                "index vectors of one model only"
            )
        if len(ids):
            yield Batch(ids, _check_directions(ids, vectors), contents)


def _check_directions(ids: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """Unit vectors; an error names the first video whose vector is zero or not finite."""
    scaled = to_unit(vectors)
    bad = np.flatnonzero(~np.isfinite(scaled).all(axis=1))
    if bad.size:
        raise UserError(
            f"the vector of video {ids[bad[0]]!r} is zero or not finite: "
            "pool it again, or leave it out"
        )
    return scaled


def write_halves(vectors: np.ndarray, path: Path) -> None:
    """Writes (n, d) vectors as float16 beside a quantised index, for exact comparisons."""
    halves = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=vectors.shape)
    for first in range(0, len(vectors), CHUNK):
        halves[first : first + CHUNK] = vectors[first : first + CHUNK]
    halves.flush()

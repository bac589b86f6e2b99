"""The vectors that a peer left, and whether they are those of the plain loop."""

from pathlib import Path

import numpy as np

Vectors = dict[str, np.ndarray]  # id to (frames, dim) float32


def read_vectors(folder: Path) -> Vectors:
    """What a peer left below a folder, as `.npy` by id or as tables of frames."""
    found = {file.stem: np.load(file).astype(np.float32) for file in folder.rglob("*.npy")}
    rows: list[tuple[str, int, np.ndarray]] = []
    for file in folder.rglob("*.parquet"):
        rows += _read_rows(file)
    rows.sort(key=lambda row: row[:2])
    for id in {row[0] for row in rows}:
        found[id] = np.stack([vector for owner, _, vector in rows if owner == id])
    return found


def _read_rows(file: Path) -> list[tuple[str, int, np.ndarray]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        if "vector" not in opened.schema_arrow.names:
            return []
        table = opened.read(columns=["video_id", "frame", "vector"])
    vectors = [np.asarray(vector, np.float32).reshape(-1) for vector in table["vector"].to_pylist()]
    ids, frames = table["video_id"].to_pylist(), table["frame"].to_pylist()
    return list(zip(ids, frames, vectors, strict=True))


def count_frames(vectors: Vectors) -> int:
    """The number of frames that have a vector."""
    return sum(len(each) for each in vectors.values())


def count_whole(found: Vectors, wanted: Vectors) -> int:
    """How many clips have as many vectors as they should."""
    return sum(id in found and len(found[id]) == len(each) for id, each in wanted.items())


def compare_vectors(found: Vectors, wanted: Vectors) -> float:
    """The median cosine of each frame to the same frame of `wanted`, both less wanted's mean.

    Any two pictures are near each other by a model of random weights: less the mean, they are not.
    NaN where no clip has as many frames as it should.
    """
    shared = [id for id in wanted if id in found and len(found[id]) == len(wanted[id])]
    if not shared:
        return float("nan")
    a, b = (_normalise(np.concatenate([v[id] for id in shared])) for v in (found, wanted))
    mean = b.mean(0)
    return float(np.median((_normalise(a - mean) * _normalise(b - mean)).sum(1)))


def _normalise(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

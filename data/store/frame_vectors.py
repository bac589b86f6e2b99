"""The table of frame vectors, one file a shard: how it is written and read, and nowhere else.

A row is a frame: `video_id`, `frame` (its number), `t_seconds`, `vector` (float16, as the model
gave it, not normalised). The rows of a video stand together.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.store import tables
from data.store.storage import Store
from data.store.whole_files import WholeFiles

ROWS = 4096  # frames a row group: 4 MB at 512 dimensions

Frames = tuple[str, np.ndarray, np.ndarray, np.ndarray]  # id, frame, seconds, vector


def frame_schema(dim: int) -> pa.Schema:
    """The table's schema for vectors of `dim` numbers."""
    return pa.schema(
        {
            "video_id": pa.string(),
            "frame": pa.int64(),
            "t_seconds": pa.float64(),
            "vector": pa.list_(pa.float16(), dim),
        }
    )


def frame_rows(videos: list[Frames]) -> pa.Table:
    """The frames of videos, one video after the other, as rows of the table."""
    vector = np.concatenate([video[3] for video in videos])
    owner = np.repeat(np.arange(len(videos)), [len(video[1]) for video in videos])
    columns = [
        pa.array([video[0] for video in videos], pa.string()).take(pa.array(owner)),
        pa.array(np.concatenate([video[1] for video in videos])),
        pa.array(np.concatenate([video[2] for video in videos])),
        pa.FixedSizeListArray.from_arrays(pa.array(vector.reshape(-1)), vector.shape[1]),
    ]
    return pa.Table.from_arrays(columns, schema=frame_schema(vector.shape[1]))


class FrameVectorWriter(WholeFiles):
    """Writes the file as videos come; without any there is no file, and none where it fails."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__()
        self.store, self.name = store, name
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[Frames] = []
        self._rows = 0

    def add(self, id: str, frame: np.ndarray, seconds: np.ndarray, vector: np.ndarray) -> None:
        """Adds a video: `frame` (n,) int64, `seconds` (n,) float64, `vector` (n, dim) float16."""
        if self._writer is None:
            schema = frame_schema(vector.shape[1])
            self._writer = self.files.enter_context(
                tables.open_writer(self.store, self.name, schema)
            )
        self._waiting.append((id, frame, seconds, vector))
        self._rows += len(frame)
        if self._rows >= ROWS:
            self._flush()

    def finish(self) -> None:
        """Writes the last rows."""
        self._flush()

    def _flush(self) -> None:
        if self._writer is not None and self._waiting:
            # A day's recording is many groups: whoever reads one holds that much.
            self._writer.write_table(frame_rows(self._waiting), row_group_size=2 * ROWS)
        self._waiting, self._rows = [], 0


def merge_files(store: Store, names: Iterable[str], target: str) -> None:
    """Writes the rows of several files, in their order, as one; nothing if there are no files."""
    parts = [tables.read_table(store, name) for name in names]
    if parts:
        with tables.open_writer(store, target, parts[0].schema) as writer:
            writer.write_table(pa.concat_tables(parts).combine_chunks(), row_group_size=ROWS)


def read_by_video(store: Store, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Each video's id and (n, dim) float16 vectors, a few thousand frames at a time."""
    current, parts = None, []
    for batch in tables.iter_batches(store, name):
        column = batch.column("vector")
        vectors = column.flatten().to_numpy(zero_copy_only=False)
        vectors = vectors.reshape(len(batch), column.type.list_size)
        ids = batch.column("video_id").to_numpy(zero_copy_only=False)
        for start, end in _runs(ids):
            if ids[start] != current and current is not None:
                yield current, np.concatenate(parts)
                parts = []
            current = ids[start]
            parts.append(vectors[start:end])
    if current is not None:
        yield current, np.concatenate(parts)


def iter_frames(
    store: Store, name: str, ids: Collection[str]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Id, seconds (n,) and vectors (n, dim) float16 of some videos, in the order of the file.

    A video comes in parts of a row group at most. Vectors are read only where one of them is.
    """
    wanted = pa.array(sorted(ids), pa.string())
    with store.open(name) as file, pq.ParquetFile(file) as parquet:
        for group in range(parquet.num_row_groups):
            owners = parquet.read_row_group(group, columns=["video_id"]).column(0)
            mask = pc.is_in(owners, value_set=wanted)
            if not pc.any(mask).as_py():
                continue
            columns = parquet.read_row_group(group, columns=["t_seconds", "vector"])
            rows, own = columns.filter(mask).combine_chunks(), owners.filter(mask)
            seconds = rows.column("t_seconds").to_numpy()
            vectors = rows.column("vector").combine_chunks().flatten()
            matrix = vectors.to_numpy(zero_copy_only=False).reshape(len(rows), -1)
            for start, end in _runs(own.to_numpy(zero_copy_only=False)):
                yield own[start].as_py(), seconds[start:end], matrix[start:end]


def read_videos(
    store: Store, name: str, ids: Collection[str]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Id, seconds (n,) and vectors (n, dim) float16 of some videos of a file, in its order."""
    for id, parts in groupby(iter_frames(store, name, ids), itemgetter(0)):
        _, seconds, vectors = zip(*parts, strict=True)
        yield id, np.concatenate(seconds), np.concatenate(vectors)


def read_frames(store: Store, name: str, id: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Seconds (n,) and vectors (n, dim) float16 of one video; None where the file has none."""
    return next((found[1:] for found in read_videos(store, name, [id])), None)


def _runs(ids: np.ndarray) -> Iterator[tuple[int, int]]:
    starts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1)] if len(ids) else []
    yield from zip(starts, [*starts[1:], len(ids)], strict=True)

"""Where the frame vectors of each row of an index lie: a memory-mapped file, a row each."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc

from data.store.frame_vectors import read_videos
from data.store.storage import Store
from engines.dedup.alignment import Frames, thin_frames

SCHEMA = pa.schema({"file": pa.string(), "id": pa.string()})  # null: no frames are stored


def write_locations(path: Path, table: pa.Table) -> None:
    """Writes the `file` and `id` of every row of an index, in order."""
    with pa.OSFile(str(path), "wb") as out, ipc.new_file(out, SCHEMA) as writer:
        writer.write_table(table.cast(SCHEMA))


class FrameLocations:
    """The file that `write_locations` wrote."""

    def __init__(self, path: Path) -> None:
        table = ipc.open_file(pa.memory_map(str(path))).read_all()
        self._files, self._ids = table.column("file"), table.column("id")

    def find_missing(self, rows: np.ndarray) -> set[int]:
        """The rows of which no frames are stored."""
        nulls = self._files.take(pa.array(rows)).is_null().to_numpy()
        return set(rows[nulls].tolist())

    def read(self, store: Store, rows: Sequence[int]) -> dict[int, Frames]:
        """The frames of rows; each file is read once, and of it only the parts that have some."""
        found: dict[int, Frames] = {}
        for file, wanted in self._group_by_file(rows):
            for id, seconds, vectors in read_videos(store, file, wanted.keys()):
                found[wanted[id]] = thin_frames(seconds, vectors)
        return found

    def _group_by_file(self, rows: Sequence[int]) -> Iterator[tuple[str, dict[str, int]]]:
        by_file: dict[str, dict[str, int]] = defaultdict(dict)
        taken = pa.array(rows, pa.int64())
        files, ids = (column.take(taken).to_pylist() for column in (self._files, self._ids))
        for row, file, id in zip(rows, files, ids, strict=True):
            if file is not None:
                by_file[file][id] = row
        yield from sorted(by_file.items())

"""The rows of an index of frames: which frame of which video each one is.

A row has two numbers, memory-mapped: that of its video in the version's `ids.parquet`, which lists
videos and not frames, and that of its frame. So an index of 100 million frames opens in the memory
of its videos' names. While it is built, a row is called by both, as "12.250".
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError
from engines.index import version
from engines.index.batches import Batch
from engines.index.exact_vectors import ExactVectors

FILE = "frames.npy"


def name_row(video: int, frame: int) -> str:
    """The name of a row, while an index is built."""
    return f"{video}.{frame}"


class RowNames:
    """The names of rows, made when they are looked at: 100 million strings would take gigabytes."""

    def __init__(self, frames: np.ndarray) -> None:
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, rows: Any) -> np.ndarray:
        pairs = np.asarray(self._frames[rows]).reshape(-1, 2).tolist()
        names = np.array([name_row(*pair) for pair in pairs], np.dtypes.StringDType())
        return names.reshape(np.shape(rows))


class FrameRows:
    """Row i is of the video `frames[i, 0]` of the table; rows may be appended, as in `Rows`."""

    def __init__(self, table: pa.Table, frames: np.ndarray, exact: np.ndarray | None) -> None:
        self.table = table
        self._frames, self._exact = [frames], ExactVectors(exact)

    def __len__(self) -> int:
        return sum(map(len, self._frames))

    @property
    def frames(self) -> np.ndarray:
        """The numbers of video and frame (n, 2) int32 of each row."""
        if len(self._frames) > 1:
            self._frames = [np.concatenate(self._frames)]
        return self._frames[0]

    @property
    def exact(self) -> np.ndarray | None:
        """The vectors (n, d) in half precision, beside an index that keeps approximate ones."""
        return self._exact.join_parts()

    @property
    def contents(self) -> Any:
        """The name of each row."""
        return RowNames(self.frames)

    @property
    def videos(self) -> pa.ChunkedArray:
        """The contents of the videos, by number."""
        return self.table.column("content")

    def add_videos(self, contents: Sequence[str]) -> None:
        """Numbers more videos, whose frames are to be appended."""
        more = _list_videos(contents, len(self.table)).cast(self.table.schema)
        self.table = pa.concat_tables([self.table, more])

    def count_distinct(self) -> int:
        """How many frames there are; each has one row."""
        return len(self)

    def list_rows(self, videos: np.ndarray) -> Iterator[str]:
        """The names of the rows of these videos, by number."""
        for pair in self.frames[np.isin(self.frames[:, 0], videos)].tolist():
            yield name_row(*pair)

    def prepare(self, batch: Batch) -> np.ndarray:
        """The batch's numbers (m, 2); raises for frames of a video that is not listed."""
        pairs = _parse_names(batch.ids)
        if len(pairs) and pairs[:, 0].max() >= len(self.table):
            raise UserError(f"the index of frames lists {len(self.table)} videos only")
        return pairs

    def append(self, more: np.ndarray, batch: Batch) -> None:
        """Appends what `prepare` gave, and the vectors of its batch."""
        self._frames.append(more)
        self._exact.append(batch.vectors)

    def write(self, folder: Path) -> None:
        """Writes the list of videos and the rows' numbers into a version's folder."""
        version.write_ids(folder, self.table)
        self._exact.write(folder)
        np.save(folder / FILE, self.frames)


def open_rows(folder: Path, exact: np.ndarray | None) -> FrameRows | None:
    """The rows of a version of an index of frames; None for one of videos."""
    if not (folder / FILE).exists():
        return None
    return FrameRows(version.read_ids(folder), np.load(folder / FILE, mmap_mode="r"), exact)


def number_rows(folder: Path, contents: Sequence[str]) -> None:
    """Turns a version that was built of named rows into one of frames of these videos."""
    with pq.ParquetFile(folder / version.IDS) as file:
        parts = [_parse_names(part.column(0).to_pylist())
                 for part in file.iter_batches(columns=["video_id"])]  # fmt: skip
    np.save(folder / FILE, np.concatenate(parts))
    version.write_ids(folder, _list_videos(contents, 0))


def _list_videos(contents: Sequence[str], first: int) -> pa.Table:
    names = pa.array(contents, pa.large_string())
    numbers = pa.array(np.arange(first, first + len(names), dtype=np.int64))
    return pa.table({"row": numbers, "video_id": names, "content": names})


def _parse_names(names: Sequence[str]) -> np.ndarray:
    """Numbers (n, 2) int32 of names."""
    pairs = [name.split(".") for name in names]
    return np.array(pairs, dtype=np.int32).reshape(-1, 2)

"""The table of motion features, one file a shard: how it is written and read, and nowhere else.

A row is a clip: tokens of its motion and of its appearance, float16, one after the other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError
from data.store import layout, tables
from data.store.storage import Store
from data.store.whole_files import WholeFiles

ROWS = 16  # clips a row group: 1.6 MB at 25 tokens of 1024 numbers, read for each clip


class CorruptFeatures(UserError):
    """Stored features cannot be used; the message names file and clip, and what to do."""


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Tokens (q, dim) float16 of a clip's window from `start_s` on: its motion, its first picture.

    `patches` (n, d) float16 are the image encoder's own, where they are stored.
    """

    start_s: float
    motion: np.ndarray
    appearance: np.ndarray
    patches: np.ndarray | None = None


def build_schema(features: ClipFeatures) -> pa.Schema:
    """The table's schema for features of these shapes, which its metadata has."""
    arrays = {"motion": features.motion, "appearance": features.appearance}
    if features.patches is not None:
        arrays["patches"] = features.patches
    fields = {name: pa.list_(pa.float16(), array.size) for name, array in arrays.items()}
    shapes = {f"{name}_tokens": str(len(array)) for name, array in arrays.items()}
    columns = {"video_id": pa.string(), "content": pa.string(), "start_s": pa.float64()}
    return pa.schema(columns | fields, metadata=shapes)


class MotionFeatureWriter(WholeFiles):
    """Writes a shard's file, in the order of `ids`; without any clip there is no file."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__()
        self.store, self.name = store, name
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[tuple[str, str, ClipFeatures]] = []

    def add(self, id: str, content: str, features: ClipFeatures) -> None:
        """Adds a clip."""
        if self._writer is None:
            schema = build_schema(features)
            # Checksums of pages: bits may rot for years before anybody reads them.
            self._writer = self.files.enter_context(
                tables.open_writer(self.store, self.name, schema, write_page_checksum=True)
            )
        self._waiting.append((id, content, features))
        if len(self._waiting) == ROWS:
            self._flush()

    def finish(self) -> None:
        """Writes the last rows."""
        self._flush()

    def _flush(self) -> None:
        if self._writer is None or not self._waiting:
            return
        ids, contents, features = zip(*self._waiting, strict=True)
        schema = self._writer.schema
        columns: list[Any] = [
            pa.array(ids, pa.string()), pa.array(contents, pa.string()),
            pa.array([each.start_s for each in features]),
        ]  # fmt: skip
        for name in schema.names[3:]:
            # All clips of a release have the same shapes: rows need none of their own.
            stacked = np.stack([getattr(each, name) for each in features]).astype(np.float16)
            size = stacked[0].size
            columns.append(pa.FixedSizeListArray.from_arrays(pa.array(stacked.reshape(-1)), size))
        self._writer.write_table(pa.Table.from_arrays(columns, schema=schema))
        self._waiting = []


def iter_features(
    store: Store, name: str, patches: bool = True
) -> Iterator[tuple[str, str, ClipFeatures]]:
    """Id, content and features of each clip of a shard's file; a `CorruptFeatures` names it.

    Without `patches`, five sixths of a file that has them, these are not read.
    """
    try:
        with (
            store.open(name) as file,
            pq.ParquetFile(file, page_checksum_verification=True) as parquet,
        ):
            names = [each for each in parquet.schema_arrow.names if patches or each != "patches"]
            for batch in parquet.iter_batches(ROWS, columns=names):
                ids, contents = (batch.column(key).to_pylist() for key in ("video_id", "content"))
                for row, (id, content) in enumerate(zip(ids, contents, strict=True)):
                    yield id, content, _read_row(name, batch, row)
    except (pa.ArrowException, OSError) as error:
        raise CorruptFeatures(_explain(name, f"{type(error).__name__}: {error}")) from error


@dataclass(frozen=True)
class StoredFeatures:
    """Reads clips' features from a stage's folder; `shards` maps a content to its shard and id."""

    store: Store
    folder: str
    shards: Mapping[str, tuple[str, str]]

    def __call__(self, content: str) -> ClipFeatures | None:
        """A content's features; None where it has none, a `CorruptFeatures` for a broken file."""
        if content not in self.shards:
            return None
        shard, id = self.shards[content]
        name = layout.shard_file(self.folder, shard)
        try:
            with (
                self.store.open(name) as file,
                pq.ParquetFile(file, page_checksum_verification=True) as parquet,
            ):
                # Ids first: a group's tokens are read only where the clip is in it.
                for group in range(parquet.num_row_groups):
                    ids = parquet.read_row_group(group, columns=["video_id"]).column(0).to_pylist()
                    if id in ids:
                        rows = parquet.read_row_group(group).combine_chunks().to_batches()[0]
                        return _read_row(name, rows, ids.index(id))
        except (pa.ArrowException, OSError) as error:
            raise CorruptFeatures(_explain(name, f"{type(error).__name__}: {error}")) from error
        raise CorruptFeatures(_explain(name, f"{id} is missing"))


def _read_row(name: str, rows: pa.RecordBatch, row: int) -> ClipFeatures:
    shapes, arrays = rows.schema.metadata or {}, {}
    id = rows.column("video_id")[row].as_py()
    for column in rows.schema.names[3:]:
        values = rows.column(column)[row].values
        tokens = int(shapes.get(f"{column}_tokens".encode(), 0))
        if values is None or not tokens or len(values) % tokens:
            raise CorruptFeatures(_explain(name, f"{column} of {id} has no shape"))
        array = values.to_numpy(zero_copy_only=False).reshape(tokens, -1)
        if not np.isfinite(array).all():
            raise CorruptFeatures(_explain(name, f"{column} of {id} is not finite"))
        arrays[column] = array
    if not {"motion", "appearance"} <= arrays.keys():
        raise CorruptFeatures(_explain(name, "it has no motion features"))
    return ClipFeatures(rows.column("start_s")[row].as_py(), **arrays)


def _explain(name: str, fault: str) -> str:
    first = fault.splitlines()[0]
    return f"corrupt motion features {name}: {first}; delete its receipt and run again to repair"

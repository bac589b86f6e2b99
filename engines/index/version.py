"""A version folder: `knn.index`, `ids.parquet` and `index.json`, and checks that they agree."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import UserError

INDEX, IDS, ABOUT, VECTORS = "knn.index", "ids.parquet", "index.json", "vectors.npy"
REBUILD = "rebuild with reelflow index NAME --rebuild"


@dataclass(frozen=True, slots=True)
class BuiltVersion:
    """A version as it was written: its folder, key, search parameters, rows and width."""

    path: Path
    key: str
    parameters: dict[str, int]
    count: int
    dim: int
    figures: dict[str, float] = field(default_factory=dict)


@contextmanager
def atomic_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` when the block ends without error, and is deleted otherwise."""
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty: give the new version another name")
    # Beside `out`, since a rename is atomic only within one file system.
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / f".{out.name}.{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        yield folder
        os.replace(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Ids:
    """Gathers the rows' ids and contents, compactly, until they are written."""

    def __init__(self) -> None:
        # Arrow, with 64-bit offsets: Python strings would take several times the memory.
        self._ids: list[pa.Array] = []
        self._contents: list[pa.Array] = []

    def add(self, ids: Sequence[str], contents: Sequence[str | None] | None) -> None:
        """Appends rows; `contents` is None if it is not known."""
        self._ids.append(pa.array(ids, pa.large_string()))
        known = [None] * len(ids) if contents is None else contents
        self._contents.append(pa.array(known, pa.large_string()))

    def table(self, first: int = 0) -> pa.Table:
        """Columns row (counted from `first`), video_id and content; raises for a repetition."""
        ids = pa.chunked_array(self._ids, pa.large_string())
        contents = pa.chunked_array(self._contents, pa.large_string())
        rows = pa.array(np.arange(first, first + len(ids), dtype=np.int64))
        table = pa.table({"row": rows, "video_id": ids, "content": contents})
        check_unique(table)
        return table


def read_contents(table: pa.Table) -> pa.ChunkedArray:
    """What the rows are of: each one's content, or its id where no content is known.

    Ids come and go, and may change places; what lies under a vector is a content.
    """
    return pc.coalesce(table.column("content"), table.column("video_id"))


def check_unique(table: pa.Table) -> None:
    """Raises naming a content (or an id without one) that occurs twice."""
    contents = read_contents(table)
    if pc.count_distinct(contents).as_py() != len(contents):
        counts = pc.value_counts(contents)
        again = counts.filter(pc.greater(counts.field("counts"), 1))
        raise UserError(f"{again[0]['values'].as_py()!r} is given twice: index each content once")


def write_ids(folder: Path, table: pa.Table) -> None:
    """Writes `ids.parquet` in the order of the rows, strings as plain UTF-8."""
    plain = pa.schema([("row", pa.int64()), ("video_id", pa.string()), ("content", pa.string())])
    pq.write_table(table.cast(plain), folder / IDS, compression="zstd")


def read_ids(folder: Path) -> pa.Table:
    """`ids.parquet` by row: row i of the table is row i of the index."""
    with pq.ParquetFile(require_file(folder / IDS)) as file:
        table = file.read()
    # `pq.read_table` and `to_numpy` would load pandas first, for a third of a second.
    rows = np.from_dlpack(table.column("row").combine_chunks())
    if not np.array_equal(rows, np.arange(len(rows))):
        raise UserError(f"the rows of {folder / IDS} are not numbered from 0: {REBUILD}")
    return table


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Writes `index.json`: what was built, and whatever else its builder records."""
    text = json.dumps(about, indent=2, sort_keys=True, ensure_ascii=False, default=str)
    # Replaced in one move: a stop while it is written must not leave half a file.
    hidden = folder / f".{ABOUT}"
    hidden.write_text(text + "\n", encoding="utf-8")
    os.replace(hidden, folder / ABOUT)


def read_about(folder: Path) -> dict[str, Any]:
    """The contents of `index.json`."""
    return json.loads(require_file(folder / ABOUT).read_text(encoding="utf-8"))


def describe_version(folder: Path) -> BuiltVersion:
    """The version in `folder`, as its `index.json` describes it."""
    about = read_about(folder)
    names = [each.name for each in fields(BuiltVersion) if each.name in about]
    return BuiltVersion(folder, **{name: about[name] for name in names})


def update_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Adds to `index.json` what is known only after the build (recall, sources)."""
    write_about(folder, {**read_about(folder), **about})


def check_counts(indexed: int, named: int) -> None:
    """Raises unless the index and its ids have as many rows."""
    if indexed != named:
        raise UserError(f"index has {indexed} rows, ids file {named}: {REBUILD}")


def require_file(path: Path) -> Path:
    """The path; a UserError if it is not a file."""
    if not path.is_file():
        raise UserError(f"{path} is missing: {REBUILD}")
    return path

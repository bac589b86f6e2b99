"""Videos in a Parquet table, read where they lie.

A cell is addressed by `cell::<table path or URL>#<row>:<size>/<column>/<name>`; column and name are
percent-quoted, and the name is for people to read.
"""

import errno
import io
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, unquote

from engines.files.archive import parse_member
from engines.files.time_span import strip_span

if TYPE_CHECKING:
    import pyarrow as pa

_CELL = re.compile(r"cell::(.+)#(\d+):(\d+)/([^#/]+)/[^#/]*", re.DOTALL)
ROWS_AT_ONCE = 8  # of videos in memory


@dataclass(frozen=True, slots=True)
class Cell:
    """The bytes of one row in a binary column (`video`), or field of one (`video.bytes`)."""

    table: str
    row: int
    size: int
    column: str


def format_cell_uri(cell: Cell, name: str) -> str:
    """The URI of a cell."""
    column, quoted = quote(cell.column, safe=""), quote(name, safe="", errors="surrogateescape")
    return f"cell::{cell.table}#{cell.row}:{cell.size}/{column}/{quoted}"


def parse_cell(uri: str) -> Cell | None:
    """The cell that a URI addresses, or None where it is not a cell's."""
    match = _CELL.fullmatch(uri)
    return Cell(match[1], int(match[2]), int(match[3]), unquote(match[4])) if match else None


def find_outer(uri: str) -> str:
    """The path or URL that is opened for a URI: of a tar or table for what lies in one."""
    uri = strip_span(uri)
    member, cell = parse_member(uri), parse_cell(uri)
    return member.tar if member else cell.table if cell else uri


def find_bytes(column: "pa.Array") -> "pa.Array | None":
    """The bytes in a column of them, or in one of Hugging Face's `{bytes, path}`; else None."""
    import pyarrow as pa

    if pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0:
        column = column.flatten()[column.type.get_field_index("bytes")]  # with the rows' nulls
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    return column if any(is_kind(column.type) for is_kind in kinds) else None


Rows = Iterator[tuple[int, bytes | None]]
_readers: dict[tuple[int, str, str, str], tuple[int, Rows]] = {}
_readers_lock = threading.Lock()


def read_cell(cell: Cell, stamp: str, file: BinaryIO) -> BinaryIO:
    """A file of the cell's bytes, of a table opened as `file`; an OSError if it has none."""
    import pyarrow as pa

    # The last reader stays where it is: rows read in their order cost one pass over the table.
    key = (os.getpid(), cell.table, stamp, cell.column)
    with _readers_lock:
        due, rows = _readers.pop(key, (cell.row + 1, iter(())))
    try:
        rows = rows if due <= cell.row else _read_rows(file, cell)
        content = next((content for row, content in rows if row == cell.row), None)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise OSError(errno.EIO, f"cannot read the table: {error}", cell.table) from error
    if content is None:
        raise OSError(errno.EIO, f"no video in row {cell.row}", cell.table)
    with _readers_lock:
        _readers.clear()
        _readers[key] = (cell.row + 1, rows)
    return io.BytesIO(content)


def _read_rows(file: BinaryIO, cell: Cell) -> Rows:
    """(row, bytes) from the cell's row group on."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(file, pre_buffer=False)
    start, groups = 0, range(table.num_row_groups)
    for first in groups:
        rows = table.metadata.row_group(first).num_rows
        if start + rows > cell.row:
            break
        start += rows
    for batch in table.iter_batches(ROWS_AT_ONCE, groups[first:], [cell.column]):
        column = find_bytes(batch.column(0))
        for value in column if column is not None else ():
            yield start, value.as_py()
            start += 1

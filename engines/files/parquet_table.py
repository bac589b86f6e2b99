"""Rows of a Parquet table, of which a column may hold the videos themselves."""

import os
from collections.abc import Iterator
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engines.files.cells import Cell, find_bytes, format_cell_uri
from engines.files.rows import Record
from engines.files.table_layout import TableLayout

_BATCH = 1024
_VIDEOS = 8  # rows in memory, where they hold videos
_LONGEST_PATH = 4096


def read_parquet(file: BinaryIO, layout: TableLayout) -> Iterator[Record]:
    """The records; a video in the table itself is addressed by its place in it (cells.py).

    Of Hugging Face's `{bytes, path}`, the path is a column too, such as `video.path`.
    """
    # Without pre_buffer, which reads ahead whole row groups: a table may be larger than memory.
    table = pq.ParquetFile(file, pre_buffer=False)
    columns = layout.name_columns(table.schema_arrow.names)
    video = layout.names["videoLoc"]
    has_path = video in columns and _find_path(table.schema_arrow.field(video).type)
    path = f"{video}.path"
    layout.check_columns([*columns, path] if has_path else columns)
    held = find_bytes(pa.nulls(0, table.schema_arrow.field(video).type)) is not None
    row = 0
    for batch in table.iter_batches(batch_size=_VIDEOS if held else _BATCH):
        values = dict(zip(columns, batch.columns, strict=True))
        if has_path and path in layout.names.values():
            values[path] = values[video].field("path")
        cells = _address_cells(values.pop(video), row, layout) if held else None
        python = {name: _to_python(column) for name, column in values.items()}
        python |= {} if cells is None else {video: cells}
        for record in zip(*python.values(), strict=True):
            yield dict(zip(python, record, strict=True))
        row += batch.num_rows


def _find_path(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind)) and kind.get_field_index("path") >= 0


def _address_cells(column: pa.Array, row: int, layout: TableLayout) -> list[object]:
    """A URI for each video in the column, which begins at `row`; a path as it is."""
    contents, is_struct = find_bytes(column), pa.types.is_struct(column.type)
    assert contents is not None
    video = layout.names["videoLoc"]
    field = f"{video}.bytes" if is_struct else video
    sizes = pc.binary_length(contents).to_pylist()
    paths: list[str | None] = [None] * len(sizes)
    if _find_path(column.type):
        paths = column.field("path").to_pylist()
    found: list[object] = []
    for n, (size, path) in enumerate(zip(sizes, paths, strict=True)):
        text = path if is_struct else _read_text(contents[n])
        cell = Cell(layout.location, row + n, size or 0, field)
        is_here = size and (is_struct or text is None)
        found.append(format_cell_uri(cell, os.path.basename(path or "")) if is_here else text)
    return found


def _read_text(value: pa.Scalar) -> str | None:
    """The path that a binary column holds; None for anything else."""
    content = value.as_py()
    if content is None or len(content) > _LONGEST_PATH or b"\0" in content:
        return None
    try:
        return str(content.decode())
    except UnicodeDecodeError:
        return None


def _to_python(column: pa.Array) -> list[object]:
    """The column's values as Python objects; those without a Python equivalent, as text."""
    dtype = column.type
    # Python's datetime ends at microseconds: pyarrow needs pandas for more, or raises.
    if pa.types.is_timestamp(dtype) and dtype.unit == "ns":
        column = column.cast(pa.timestamp("us", dtype.tz), safe=False)
    if pa.types.is_duration(dtype) and dtype.unit == "ns":
        column = column.cast(pa.duration("us"), safe=False)
    try:
        return cast("list[object]", column.to_pylist())
    except (ValueError, OverflowError):
        return [_scalar_to_python(scalar) for scalar in column]


def _scalar_to_python(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
    except (ValueError, OverflowError):
        return str(scalar.cast(pa.string()))

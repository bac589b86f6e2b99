"""Tables: Parquet, CSV, tab-separated and JSON Lines; one file, a folder, a glob or braces."""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError
from data.records import Row
from engines.files.access import UrlPolicy
from engines.files.archive import DAMAGED, find_unpacker
from engines.files.listing import TABLE_ENDINGS, detect_kind, has_ending, list_files
from engines.files.media import open_media
from engines.files.rows import BadRecord, Record, build_rows, check_columns, map_columns
from engines.files.urls import resolve_location

_BATCH = 1024
_LONGEST_LINE = 64 << 20  # a file without line ends must not fill the memory
_PEEK = 100  # records: JSON Lines may leave keys out, so the first alone does not show the columns


def accepts(source: str, policy: UrlPolicy) -> bool:
    """Whether the source is a table, or a folder of tables and nothing else."""
    return detect_kind(source, policy) == "table"


def read_rows(source: str, columns: Mapping[str, str], policy: UrlPolicy) -> Iterator[Row]:
    """The rows of all the source's files, one after the other."""
    names = map_columns(columns)
    tables = list_files(source, TABLE_ENDINGS, policy)
    records = chain.from_iterable(_read_records(table, names, policy) for table in tables)
    return build_rows(records, names)


def _read_records(
    table: str, names: Mapping[str, str], policy: UrlPolicy
) -> Iterator[tuple[str, Record]]:
    path = table.split("?")[0] if "://" in table else table
    base = os.path.dirname(resolve_location(path, os.getcwd()))
    read = next(read for endings, read in _READERS.items() if has_ending(table, endings))
    try:
        with open_media(table, policy) as file:
            unpack = find_unpacker(table)
            for record in read(unpack(file) if unpack else file, names, table):
                yield base, record
    except FileNotFoundError as error:
        raise UserError(f"{table} does not exist") from error
    except (OSError, pa.ArrowException, *DAMAGED) as error:
        raise UserError(f"cannot read {table}: {error}. Fix or remove the file") from error


def _read_parquet(file: BinaryIO, names: Mapping[str, str], where: str) -> Iterator[Record]:
    # Without pre_buffer, which reads ahead whole row groups: a table may be larger than memory.
    table = pq.ParquetFile(file, pre_buffer=False)
    columns = table.schema_arrow.names
    check_columns(columns, names, where)
    for batch in table.iter_batches(batch_size=_BATCH):
        for values in zip(*map(_to_python, batch.columns), strict=True):
            yield dict(zip(columns, values, strict=True))


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


def _read_csv(file: BinaryIO, names: Mapping[str, str], where: str) -> Iterator[Record]:
    """The records of a CSV, whatever its separator; every value stays text, so 007 is not 7."""
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    first = text.readline(_LONGEST_LINE)
    separator = max(",;\t|", key=first.count)
    reader = csv.reader(chain([first], text), delimiter=separator)
    columns = next(reader, [])
    check_columns(columns, names, where)
    while True:  # a bad line raises, and the reader goes on with the next one
        try:
            for values in reader:
                if values:
                    yield _build_record(values, columns, f"{where} line {reader.line_num}")
            return
        except csv.Error as error:
            yield BadRecord(f"{where} line {reader.line_num}: {error}")


def _build_record(values: list[str], columns: list[str], where: str) -> Record:
    if len(values) != len(columns):
        return BadRecord(f"{where}: {len(values)} values for {len(columns)} columns")
    return {name: value or None for name, value in zip(columns, values, strict=True)}


def _read_json_lines(file: BinaryIO, names: Mapping[str, str], where: str) -> Iterator[Record]:
    lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
    records = (
        _parse_json(line, f"{where} line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip(b"\xef\xbb\xbf \r\n\t")
    )
    head = list(islice(records, _PEEK))
    columns = {name for record in head if isinstance(record, dict) for name in record}
    if columns or not head:
        check_columns(sorted(columns), names, where)
    yield from chain(head, records)


def _parse_json(line: bytes, where: str) -> Record:
    try:
        record = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        return BadRecord(f"{where}: not JSON: {error}")
    if not isinstance(record, dict):
        return BadRecord(f"{where}: {type(record).__name__} instead of an object")
    return record


_READERS = {
    (".parquet",): _read_parquet,
    (".csv", ".tsv", ".csv.gz", ".tsv.gz"): _read_csv,
    (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"): _read_json_lines,
}

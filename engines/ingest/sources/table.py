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
from engines.files.archive import DAMAGED, unpacker
from engines.files.listing import TABLES, ends, files, kind
from engines.files.media import open_media, resolve
from engines.files.rows import Malformed, Record, check_columns, names_of, rows_of

_BATCH = 1024
_LONGEST_LINE = 64 << 20
_PEEK = 100


def accepts(src: str) -> bool:
    """Whether the source is a table, or a folder of tables and nothing else."""
    return kind(src) == "table"


def rows(src: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """The rows of all the source's files, one after the other."""
    names = names_of(columns)
    return rows_of(
        chain.from_iterable(_records(table, names) for table in files(src, TABLES)), names
    )


def _records(table: str, names: Mapping[str, str]) -> Iterator[tuple[str, Record]]:
    base = os.path.dirname(resolve(table.split("?")[0] if "://" in table else table, os.getcwd()))
    read = next(read for endings, read in _READERS.items() if ends(table, endings))
    try:
        with open_media(table) as file:
            unpack = unpacker(table)
            for record in read(unpack(file) if unpack else file, names, table):
                yield base, record
    except FileNotFoundError as error:
        raise UserError(f"{table} does not exist") from error
    except (OSError, pa.ArrowException, *DAMAGED) as error:
        raise UserError(f"cannot read {table}: {error}. Mend or leave out the file") from error


def _parquet(file: BinaryIO, names: Mapping[str, str], where: str) -> Iterator[Record]:
    table = pq.ParquetFile(file, pre_buffer=False)
    found = table.schema_arrow.names
    check_columns(found, names, where)
    for batch in table.iter_batches(batch_size=_BATCH):
        for values in zip(*map(_values, batch.columns), strict=True):
            yield dict(zip(found, values, strict=True))


def _values(column: pa.Array) -> list[object]:
    """The column's values in Python; those that have no equal there, as text."""
    kind_ = column.type
    if pa.types.is_timestamp(kind_) and kind_.unit == "ns":
        column = column.cast(pa.timestamp("us", kind_.tz), safe=False)
    if pa.types.is_duration(kind_) and kind_.unit == "ns":
        column = column.cast(pa.duration("us"), safe=False)
    try:
        return cast("list[object]", column.to_pylist())
    except (ValueError, OverflowError):
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
    except (ValueError, OverflowError):
        return str(scalar.cast(pa.string()))


def _csv(file: BinaryIO, names: Mapping[str, str], where: str) -> Iterator[Record]:
    """Every value stays text, so `007` does not become a 7."""
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    first = text.readline(_LONGEST_LINE)
    comma = max(",;\t|", key=first.count)
    reader = csv.reader(chain([first], text), delimiter=comma)
    found = next(reader, [])
    check_columns(found, names, where)
    while True:
        try:
            for values in reader:
                if values:
                    yield _ragged(values, found, f"{where} line {reader.line_num}")
            return
        except csv.Error as error:
            yield Malformed(f"{where} line {reader.line_num}: {error}")


def _ragged(values: list[str], found: list[str], where: str) -> Record:
    if len(values) != len(found):
        return Malformed(f"{where}: {len(values)} values for {len(found)} columns")
    return {name: value or None for name, value in zip(found, values, strict=True)}


def _json_lines(file: BinaryIO, names: Mapping[str, str], where: str) -> Iterator[Record]:
    lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
    records = (
        _json(line, f"{where} line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip(b"\xef\xbb\xbf \r\n\t")
    )
    head = list(islice(records, _PEEK))
    found = {name for record in head if isinstance(record, dict) for name in record}
    if found or not head:
        check_columns(sorted(found), names, where)
    yield from chain(head, records)


def _json(line: bytes, where: str) -> Record:
    try:
        record = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        return Malformed(f"{where}: not JSON: {error}")
    if not isinstance(record, dict):
        return Malformed(f"{where}: {type(record).__name__} instead of an object")
    return record


_READERS = {
    (".parquet",): _parquet,
    (".csv", ".tsv", ".csv.gz", ".tsv.gz"): _csv,
    (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"): _json_lines,
}

"""Tables: Parquet, CSV, tab-separated and JSON Lines; one file, a folder, a glob or braces."""

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import BinaryIO

import pyarrow as pa

from data.errors import UserError
from data.records import Row
from engines.files.access import UrlPolicy
from engines.files.archive import DAMAGED, find_unpacker
from engines.files.listing import (
    TABLE_ENDINGS,
    detect_kind,
    has_ending,
    list_files,
    read_partitions,
)
from engines.files.media import open_media
from engines.files.parquet_table import read_parquet
from engines.files.rows import BadRecord, Record, build_rows, map_columns
from engines.files.table_layout import TableLayout
from engines.files.text_tables import read_csv, read_json_lines
from engines.files.urls import resolve_location


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
    here = resolve_location(path, os.getcwd())
    read = next(read for endings, read in _READERS.items() if has_ending(table, endings))
    try:
        with open_media(table, policy) as file:
            unpack = find_unpacker(table)
            layout = TableLayout(table, here, names, read_partitions(here))
            for record in read(unpack(file) if unpack else file, layout):
                if not isinstance(record, BadRecord):
                    record = {**layout.partitions, **record}
                yield os.path.dirname(here), record
    except FileNotFoundError as error:
        raise UserError(f"{table} does not exist") from error
    except (OSError, pa.ArrowException, *DAMAGED) as error:
        raise UserError(f"cannot read {table}: {error}. Fix or remove the file") from error


_READERS: dict[tuple[str, ...], Callable[[BinaryIO, TableLayout], Iterator[Record]]] = {
    (".parquet",): read_parquet,
    (".csv", ".tsv", ".csv.gz", ".tsv.gz"): read_csv,
    (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"): read_json_lines,
}

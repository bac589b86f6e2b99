"""Rows of CSV, tab-separated and JSON Lines."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import BinaryIO, Self

from engines.files.rows import BadRecord, Record
from engines.files.table_layout import TableLayout
from engines.files.values import parse_object

_LONGEST_LINE = 64 << 20  # a file without line ends must not fill the memory
_LONGEST_RECORD = 16 << 20  # characters of a CSV's
_PEEK = 100  # records: JSON Lines may leave keys out, so the first alone does not show the columns


def read_csv(file: BinaryIO, layout: TableLayout) -> Iterator[Record]:
    """The records of a CSV, whatever its separator; every value stays text, so 007 is not 7."""
    layout.check_encoding(file)
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    lines = _Lines(text)
    separator = max(",;\t|", key=lines.peek().count)
    csv.field_size_limit(_LONGEST_RECORD)  # of the process; the default ends captions at 128 KB
    columns: list[str] | None = None
    for values in _split_records(lines, separator, layout.name):
        if columns is None:
            columns = layout.name_columns(values if isinstance(values, list) else [])
            layout.check_columns(columns)
        elif isinstance(values, BadRecord):
            yield values
        elif values:
            yield _build_record(values, columns, f"{layout.name} line {lines.number}")
    if columns is None:
        layout.check_columns([])


def _split_records(lines: "_Lines", separator: str, where: str) -> Iterator[list[str] | BadRecord]:
    reader = csv.reader(lines, delimiter=separator)
    while True:  # a bad line raises, and the reader goes on with the next one
        lines.begin_record()
        try:
            yield next(reader)
        except StopIteration:
            return
        except _OpenQuote:
            lines.go_back()
            yield BadRecord(f"{where} line {lines.number}: its quote is not closed")
        except csv.Error as error:
            yield BadRecord(f"{where} line {lines.number}: {error}")


class _OpenQuote(Exception):
    """A record that does not end."""


class _Lines:
    """A file's lines, of which those of the record being read can be read again."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.number = 0
        self._text, self._again = text, deque[str]()
        self._record: list[str] = []
        self._size = 0

    def peek(self) -> str:
        """The first line."""
        self._again.append(self._text.readline(_LONGEST_LINE))
        return self._again[0]

    def begin_record(self) -> None:
        """Marks the next line as the first of a record."""
        self._record, self._size = [], 0

    def go_back(self) -> None:
        """Makes the second line of the record the next one."""
        self._again.extendleft(reversed(self._record[1:]))
        self.number -= len(self._record) - 1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._text.readline(_LONGEST_LINE)
        if not line and not self._record:
            raise StopIteration
        # A quote that is never closed would swallow all that follows.
        if not line or self._size > _LONGEST_RECORD:
            raise _OpenQuote
        self._record.append(line)
        self._size += len(line)
        self.number += 1
        return line


def _build_record(values: list[str], columns: list[str], where: str) -> Record:
    if len(values) != len(columns):
        return BadRecord(f"{where}: {len(values)} values for {len(columns)} columns")
    return {name: value or None for name, value in zip(columns, values, strict=True)}


def read_json_lines(file: BinaryIO, layout: TableLayout) -> Iterator[Record]:
    """The records of JSON Lines; blank lines are none."""
    layout.check_encoding(file)
    lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
    records = (
        _parse_line(line, f"{layout.name} line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip(b"\xef\xbb\xbf \r\n\t")
    )
    head = list(islice(records, _PEEK))
    columns = {name for record in head if isinstance(record, dict) for name in record}
    if columns or not head:
        layout.check_columns(sorted(columns))
    yield from chain(head, records)


def _parse_line(line: bytes, where: str) -> Record:
    try:
        return parse_object(line.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        return BadRecord(f"{where}: {error}")

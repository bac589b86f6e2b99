"""Turns a source's records into Rows: ids and captions as text, other columns as JSON values."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import TypeVar

from data.errors import UserError
from data.records import Row
from data.secrets import strip_secrets
from engines.files.time_span import add_span, read_span, split_span
from engines.files.urls import resolve_location
from engines.files.values import (
    NotText,
    require_utf8,
    to_captions,
    to_json_columns,
    to_location,
    to_printable,
)

REQUIRED_COLUMNS = ("txt", "videoLoc", "videoID")
SPAN_COLUMNS = ("start_sec", "end_sec")  # of a row that is a span of its file
CAPTIONS = "captions"  # the column that keeps all of them, where a row has several


class BadRecord(str):
    """A record that could not be read: the text says where it is and what is wrong with it."""

    __slots__ = ()


Record = dict[str, object] | BadRecord


def map_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """The source's name of each column with a meaning; "" for one that is not to be read."""
    known = REQUIRED_COLUMNS + SPAN_COLUMNS
    unknown = sorted(set(columns) - set(known))
    if unknown:
        raise UserError(f"unknown column {unknown[0]!r}: map {', '.join(known)}")
    return {name: columns.get(name, name) for name in known}


def check_columns(available: Iterable[str], names: Mapping[str, str], where: str) -> None:
    """Raises a UserError that says how to map the columns where a required one is missing."""
    available = list(available)
    missing = [
        name
        for name in REQUIRED_COLUMNS
        if names[name] not in available and (names[name] or name != "txt")
    ]
    # Those of a span are read where there are any; one that was named has to be there.
    missing += [
        name for name in SPAN_COLUMNS if names.get(name, name) not in ("", name, *available)
    ]
    if not missing:
        return
    listed = ", ".join(map(repr, available[:50])) or "none"
    advice = " ".join(f"--column {name}=NAME" for name in missing)
    hint = "; without captions: --column txt=" if "txt" in missing else ""
    lacking = ", ".join(repr(names[name]) for name in missing)
    raise UserError(
        f"{where} has no column {lacking}; its columns are {listed}. Name them: {advice}{hint}"
    )


def name_columns(columns: Sequence[str], names: Mapping[str, str], where: str) -> list[str]:
    """Names without repetition: the second `x` is `x_2`; a UserError where it matters which."""
    seen: Counter[str] = Counter()
    named = []
    for column in columns:
        seen[column] += 1
        named.append(column if seen[column] == 1 else f"{column}_{seen[column]}")
    twice = next((name for name in names.values() if seen[name] > 1), None)
    if twice is not None:
        raise UserError(f"{where} has {seen[twice]} columns {twice!r}: rename all but one")
    return named


def build_rows(records: Iterable[tuple[str, Record]], names: Mapping[str, str]) -> Iterator[Row]:
    """One Row per record; each record comes with the folder that its location is relative to."""
    lines = count()
    for base, record in records:
        yield build_row(next(lines), record, names, base)


def build_row(line: int, record: Record, names: Mapping[str, str], base: str) -> Row:
    """The Row of one record; that of a bad one has no URI, and an `error` column."""
    if isinstance(record, BadRecord):
        return _build_bad_row(line, None, record)
    values = {name: record.get(source) for name, source in names.items()}
    hidden = {names[name] for name in REQUIRED_COLUMNS}
    columns = {k: v for k, v in record.items() if k not in hidden}
    id = None
    try:
        # Parquet and DuckDB hold UTF-8 only: lone surrogates of a badly encoded table end here.
        id = require_utf8(_read_value(values, "videoID", to_location))
        location = require_utf8(_read_value(values, "videoLoc", to_location))
        captions = _read_value(values, "txt", to_captions)
        span = read_span(*(values[name] for name in SPAN_COLUMNS))
        file, named = split_span(location) if location else ("", None)
        if span and named and span != named:
            raise NotText("its location names a span, and start_sec and end_sec another one")
    except NotText as error:
        return _build_bad_row(line, id, str(error))
    except UnicodeError as error:
        return _build_bad_row(line, None, str(error))
    # The location alone keeps its secrets, for as long as it takes to open it.
    id, captions = id and strip_secrets(id), [strip_secrets(text) for text in captions]
    if len(captions) > 1:
        columns.setdefault(CAPTIONS, captions)
    uri = add_span(resolve_location(file, base), span or named) if location else None
    return Row(line, id, uri, next(iter(captions), None), to_json_columns(columns))


def _build_bad_row(line: int, id: str | None, error: str) -> Row:
    return Row(line, id, None, None, {"error": strip_secrets(to_printable(error))})


Value = TypeVar("Value")


def _read_value(values: Mapping[str, object], name: str, read: Callable[[object], Value]) -> Value:
    try:
        return read(values[name])
    except NotText as error:
        raise NotText(f"{name} is {error} instead of text") from error

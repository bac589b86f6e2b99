"""Turns a source's records into Rows: ids and captions as text, other columns as JSON values."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import count

from data.errors import UserError
from data.records import Row
from data.secrets import strip_secrets
from engines.files.urls import resolve_location

REQUIRED_COLUMNS = ("txt", "videoLoc", "videoID")
_NO_CAPTION = {"nan", "NaN", "None", "null", "NULL"}  # as pandas and others write a missing value
_MAX_HEX_BYTES = 64
_CAPTION_KEYS = ("txt", "caption")


class BadRecord(str):
    """A record that could not be read: the text says where it is and what is wrong with it."""

    __slots__ = ()


Record = dict[str, object] | BadRecord


def map_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """The source's name of each required column; "" for a source without captions."""
    unknown = sorted(set(columns) - set(REQUIRED_COLUMNS))
    if unknown:
        expected = ", ".join(REQUIRED_COLUMNS)
        raise UserError(f"unknown column {unknown[0]!r}: map {expected}")
    return {name: columns.get(name, name) for name in REQUIRED_COLUMNS}


def check_columns(available: Iterable[str], names: Mapping[str, str], where: str) -> None:
    """Raises a UserError that says how to map the columns where a required one is missing."""
    available = list(available)
    missing = [
        name
        for name in REQUIRED_COLUMNS
        if names[name] not in available and (names[name] or name != "txt")
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


def build_rows(records: Iterable[tuple[str, Record]], names: Mapping[str, str]) -> Iterator[Row]:
    """One Row per record; each record comes with the folder that its location is relative to."""
    lines = count()
    for base, record in records:
        yield build_row(next(lines), record, names, base)


def build_row(line: int, record: Record, names: Mapping[str, str], base: str) -> Row:
    """The Row of one record; that of a BadRecord has neither id nor URI, and an `error` column."""
    if isinstance(record, BadRecord):
        return Row(line, None, None, None, {"error": strip_secrets(to_printable(record))})
    id, location = to_text(record.get(names["videoID"])), to_text(record.get(names["videoLoc"]))
    caption = to_caption(record.get(names["txt"]))
    columns = {k: v for k, v in record.items() if k not in names.values()}
    try:
        # Parquet and DuckDB hold UTF-8 only: lone surrogates of a badly encoded table end here.
        for text in (id, location, caption):
            (text or "").encode()
    except UnicodeEncodeError:
        texts = (strip_secrets(to_printable(repr(text))) for text in (id, location, caption))
        values = ", ".join(texts)
        return Row(line, None, None, None, {"error": f"not UTF-8: {values}"})
    # The location alone keeps its secrets, for as long as it takes to open it.
    id, caption = id and strip_secrets(id), caption and strip_secrets(caption)
    uri = resolve_location(location, base) if location else None
    return Row(line, id, uri, caption, to_json_columns(columns))


def to_text(value: object) -> str | None:
    """The value as text, whatever its type; None where it is missing or empty."""
    value = value if isinstance(value, str) else _to_json_value(value)
    # A column of integers with gaps is read as floats: an id 7 must not become "7.0".
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None or value == "" else str(value)


def to_caption(value: object) -> str | None:
    """The caption; None where it is blank or spells out a missing value (`nan`, `null`)."""
    text = to_text(value)
    return None if text is None or not text.strip() or text in _NO_CAPTION else text


def parse_sidecar(content: bytes, caption: str) -> dict[str, object]:
    """The columns in a JSON file beside a video, its caption under the name `caption`.

    What is not a JSON object gives one column, `caption_error`.
    """
    try:
        columns = json.loads(content)
    except (ValueError, RecursionError) as error:
        return {"caption_error": f"not JSON: {error}"}
    if not isinstance(columns, dict):
        return {"caption_error": f"{type(columns).__name__} instead of an object"}
    if not to_caption(columns.get(caption)):
        keys = (key for key in _CAPTION_KEYS if columns.get(key))
        columns[caption] = next((columns.pop(key) for key in keys), None)
    return columns


def to_json_columns(columns: Mapping[str, object]) -> dict[str, object]:
    """The columns with values that JSON can hold."""
    return {to_printable(str(name)): _to_json_value(value) for name, value in columns.items()}


def to_printable(text: str) -> str:
    """The text with what UTF-8 cannot hold written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _to_json_value(value: object) -> object:
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()  # a numpy scalar
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case str():
            return strip_secrets(value if value.isascii() else to_printable(value))
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex() if len(value) <= _MAX_HEX_BYTES else f"<{len(value)} bytes>"
        case Mapping():
            return to_json_columns(value)
        case list() | tuple() | set():
            return [_to_json_value(each) for each in value]
    return str(value)

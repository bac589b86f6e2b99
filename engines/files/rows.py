"""What a source says of one video, made into a Row: ids and captions as text, the rest as JSON."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import count

from data.errors import UserError
from data.records import Row
from engines.files.media import resolve

NEEDED = ("txt", "videoLoc", "videoID")
_NO_CAPTION = {"nan", "NaN", "None", "null", "NULL"}
_SHORT = 64
_CAPTION = ("txt", "caption")


class Malformed(str):
    """A record that could not be read: the text says where it stands and what is wrong with it."""

    __slots__ = ()


Record = dict[str, object] | Malformed


def names_of(columns: Mapping[str, str]) -> dict[str, str]:
    """Under which name the source has each needed column; "" for a source without captions."""
    unknown = sorted(set(columns) - set(NEEDED))
    if unknown:
        raise UserError(f"no column is called {unknown[0]!r}: map {', '.join(NEEDED)}")
    return {name: columns.get(name, name) for name in NEEDED}


def check_columns(found: Iterable[str], names: Mapping[str, str], where: str) -> None:
    """Raises a UserError that says how to map the columns where a needed one is not there."""
    found = list(found)
    missing = [
        name for name in NEEDED if names[name] not in found and (names[name] or name != "txt")
    ]
    if not missing:
        return
    shown = ", ".join(map(repr, found[:50])) or "none"
    advice = " ".join(f"--column {name}=NAME" for name in missing)
    hint = "; without captions: --column txt=" if "txt" in missing else ""
    lacking = ", ".join(repr(names[name]) for name in missing)
    raise UserError(f"{where} has no column {lacking}; it has {shown}. Name them: {advice}{hint}")


def rows_of(records: Iterable[tuple[str, Record]], names: Mapping[str, str]) -> Iterator[Row]:
    """One Row per record; each record comes with the folder that its location is relative to."""
    lines = count()
    for base, record in records:
        yield row_of(next(lines), record, names, base)


def row_of(line: int, record: Record, names: Mapping[str, str], base: str) -> Row:
    """The Row of one record; a malformed one has neither id nor uri, and the error as a column."""
    if isinstance(record, Malformed):
        return Row(line, None, None, None, {"error": printable(record)})
    id, loc = text_of(record.get(names["videoID"])), text_of(record.get(names["videoLoc"]))
    caption = caption_of(record.get(names["txt"]))
    columns = {k: v for k, v in record.items() if k not in names.values()}
    try:
        for text in (id, loc, caption):
            (text or "").encode()
    except UnicodeEncodeError:
        known = ", ".join(printable(repr(text)) for text in (id, loc, caption))
        return Row(line, None, None, None, {"error": f"not UTF-8: {known}"})
    return Row(line, id, resolve(loc, base) if loc else None, caption, as_json(columns))


def text_of(value: object) -> str | None:
    """The value as text, whatever its type; None where there is none."""
    value = value if isinstance(value, str) else _plain(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None or value == "" else str(value)


def caption_of(value: object) -> str | None:
    """The caption, or None where it is blank or only says that it is missing."""
    text = text_of(value)
    return None if text is None or not text.strip() or text in _NO_CAPTION else text


def described(content: bytes, caption: str) -> dict[str, object]:
    """The columns that a JSON file gives, its caption under the name `caption`."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        return {"caption_error": f"not JSON: {error}"}
    if not isinstance(found, dict):
        return {"caption_error": f"{type(found).__name__} instead of an object"}
    if not caption_of(found.get(caption)):
        found[caption] = next((found.pop(key) for key in _CAPTION if found.get(key)), None)
    return found


def as_json(columns: Mapping[str, object]) -> dict[str, object]:
    """The columns with values that JSON can hold."""
    return {printable(str(name)): _plain(value) for name, value in columns.items()}


def printable(text: str) -> str:
    """The text with what UTF-8 cannot hold written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: object) -> object:
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()  # a numpy scalar
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value if value.isascii() else printable(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex() if len(value) <= _SHORT else f"<{len(value)} bytes>"
        case Mapping():
            return as_json(value)
        case list() | tuple() | set():
            return [_plain(each) for each in value]
    return str(value)

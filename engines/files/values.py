"""Values of a source's records: as text, as captions, and as what JSON can hold."""

import codecs
import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from data.secrets import strip_secrets

_NO_CAPTION = {"nan", "NaN", "None", "null", "NULL"}  # as pandas and others write a missing value
_MAX_HEX_BYTES = 64
_CAPTION_KEYS = ("txt", "caption")
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KINDS: dict[type, str] = {bool: "a truth value", list: "a list", dict: "an object"}


class NotText(ValueError):
    """A value that is no text: the message says what it is."""


def to_text(value: object) -> str | None:
    """The value as text, None where it is missing or empty; NotText for what is no text."""
    value = value if isinstance(value, str) else _to_json_value(value)
    # A column of integers with gaps is read as floats: an id 7 must not become "7.0".
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            raise NotText(name)
    return None if value is None or value == "" else str(value)


def to_location(value: object) -> str | None:
    """The value as text; of a Hugging Face `{bytes, path}` without bytes, the path."""
    if isinstance(value, Mapping) and "path" in value and value.get("bytes") is None:
        value = value["path"]
    return to_text(value)


def to_captions(value: object) -> list[str]:
    """The captions in a text or a list of texts, without those that are blank or spell out a
    missing value (`nan`, `null`).
    """
    values = value if isinstance(value, list | tuple) else [value]
    texts = [_decode_caption(each) if isinstance(each, bytes) else to_text(each) for each in values]
    kept = [text for text in texts if text and text.strip() and text not in _NO_CAPTION]
    return [text for text in map(require_utf8, kept) if text]


def _decode_caption(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise NotText("binary") from error


def parse_caption(content: bytes, caption: str) -> dict[str, object]:
    """The column `caption` of a text file beside a video: UTF-8, or UTF-16 with its mark.

    Of other text, what can be read, and a column `caption_error`.
    """
    encoding = "utf-16" if content[:2] in UTF_16_MARKS else "utf-8-sig"
    try:
        return {caption: content.decode(encoding).strip()}
    except UnicodeDecodeError as error:
        text = content.decode(encoding, "replace").strip()
        return {caption: text, "caption_error": f"not {encoding[:6].upper()}: {error.reason}"}


def parse_object(content: bytes | str) -> dict[str, object]:
    """A JSON object; a ValueError for anything else, and for one with a key that occurs twice."""
    try:
        value = json.loads(content, object_pairs_hook=_build_object)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} instead of an object")
    return value


def _build_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} occurs twice")
    return value


def require_utf8(text: str | None) -> str | None:
    """The text; a UnicodeError that shows it where UTF-8 cannot hold it."""
    try:
        (text or "").encode()
    except UnicodeEncodeError as error:
        raise UnicodeError(f"not UTF-8: {text!r}") from error
    return text


def parse_sidecar(content: bytes, caption: str) -> dict[str, object]:
    """The columns in a JSON file beside a video, its caption under the name `caption`.

    What is not a JSON object gives one column, `caption_error`.
    """
    try:
        columns = parse_object(content)
    except ValueError as error:
        return {"caption_error": str(error)}
    if not _has_caption(columns.get(caption)):
        keys = (key for key in _CAPTION_KEYS if columns.get(key))
        columns[caption] = next((columns.pop(key) for key in keys), None)
    return columns


def _has_caption(value: object) -> bool:
    try:
        return bool(to_captions(value))
    except ValueError:
        return True  # a bad one: its row will say so


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

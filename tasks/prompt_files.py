"""Reads the rows of a prompt file by its content and ending: lines, CSV, JSON or Parquet."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError
from engines.files.listing import has_ending
from engines.files.media import open_media
from tasks.url_policy import build_url_policy

Rows = list[dict[str, Any]]
TEXTS, IDS = ("txt", "prompt", "text"), ("videoID", "id")
SEPARATORS = ",;\t|"
PARQUET_MAGIC = b"PAR1"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_rows(path: str) -> Rows:
    """The rows of a prompt file; each line of a `.txt` is a row with the column `txt`.

    A UserError for a file that is missing, of an unknown kind, or not what its ending says.
    """
    content = _read_bytes(path)
    if content.startswith(PARQUET_MAGIC):  # whatever it is called: no text begins so
        return _read_parquet(path, content)
    read = next((read for endings, read in READERS.items() if has_ending(path, endings)), None)
    if read is None:
        known = ", ".join(ending for endings in READERS for ending in endings)
        raise UserError(f"{path} is not a prompt file: its name must end in one of {known}")
    return read(path, content)


def _read_bytes(path: str) -> bytes:
    """The content of a file on this machine or at a URL."""
    try:
        with open_media(path, build_url_policy()) as file:
            return file.read()
    except OSError as error:
        raise UserError(f"no prompt file {path}") from error


def _decode(path: str, content: bytes) -> str:
    if content.startswith(UTF16_MARKS):
        raise UserError(f"{path} is UTF-16 text: save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: {error}") from error


def _iter_lines(text: str) -> Iterator[str]:
    # Not splitlines(): it also splits at U+2028 and form feeds, which are inside of prompts.
    yield from (line.strip("\n") for line in io.StringIO(text, newline=None))


def _read_lines(path: str, content: bytes) -> Rows:
    lines = [line.strip() for line in _iter_lines(_decode(path, content))]
    filled = [line for line in lines if line]
    if filled and _looks_like_object(filled[0]):
        return _read_json(path, content)
    if filled and _looks_like_header(filled[0]):
        raise UserError(f"{path} is a table with the columns {filled[0]}: name it .csv")
    return [{"txt": line} for line in filled]


def _looks_like_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _looks_like_header(line: str) -> bool:
    """Whether a line names a text column and another one that prompts have."""
    names = {name.strip().strip('"') for name in line.split(_find_separator(line))}
    return bool(names & set(TEXTS)) and bool(names & {*IDS, "image", "where"})


def _find_separator(header: str) -> str:
    return max(SEPARATORS, key=header.count)


def _read_csv(path: str, content: bytes) -> Rows:
    text = _decode(path, content)
    header = next(_iter_lines(text), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_find_separator(header))
    try:
        columns = [name.strip() for name in next(reader, [])]
        for name in columns:
            if columns.count(name) > 1:
                raise UserError(f"{path} has the column {name!r} twice: rename or remove one")
        return [
            _build_row(path, reader.line_num, columns, values)
            for values in reader
            if any(value.strip() for value in values)
        ]
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num}: {error}") from error


def _build_row(path: str, line: int, columns: list[str], values: list[str]) -> dict[str, Any]:
    if len(values) != len(columns):
        raise UserError(
            f"{path} line {line}: {len(values)} values for {len(columns)} columns: put values that"
            " contain the separator in quotes"
        )
    return {name: value or None for name, value in zip(columns, values, strict=True)}


def _read_json(path: str, content: bytes) -> Rows:
    """The objects of JSON Lines, or of one JSON array."""
    text = _decode(path, content)
    if text.lstrip().startswith("["):
        try:
            return _check_objects(path, json.loads(text))
        except ValueError:
            pass  # lines, the first of which is no object: named below
    return [
        row
        for number, line in enumerate(_iter_lines(text), 1)
        if line.strip()
        for row in _check_objects(path, [_parse_json(path, number, line)], number)
    ]


def _parse_json(path: str, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise UserError(f"{path} has invalid JSON in line {number}: {error}") from error


def _check_objects(path: str, values: list[Any], number: int | None = None) -> Rows:
    for place, value in enumerate(values, 1):
        if not isinstance(value, dict):
            where = f"line {number}" if number else f"entry {place}"
            raise UserError(f'{path} has no JSON object in {where}: write {{"id": …, "txt": …}}')
    return values


def _read_parquet(path: str, content: bytes) -> Rows:
    try:
        return pq.read_table(pa.BufferReader(content)).to_pylist()
    except pa.ArrowInvalid as error:
        raise UserError(f"{path} is not a Parquet file: {error}") from error


READERS: dict[tuple[str, ...], Callable[[str, bytes], Rows]] = {
    (".txt",): _read_lines,
    (".csv", ".tsv"): _read_csv,
    (".jsonl", ".ndjson", ".json"): _read_json,
    (".parquet",): _read_parquet,
}

"""Files of prompts: lines, tables and JSON Lines, checked as a whole before anything is done."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError
from data.records import Prompt
from engines.files.media import is_url, open_media, resolve

TABLES = (".parquet", ".jsonl")
TEXTS, IDS = ("txt", "prompt", "text"), ("videoID", "id")


def read_prompts(path: str) -> list[Prompt]:
    """The prompts of a text file (ids are line numbers from 000), Parquet table or JSON Lines.

    Tables have a column `txt` (or `prompt`, `text`) and may have `videoID` (or `id`), else ids are
    row numbers; `image`, a first frame, by its path from the file's folder; and `where`, a
    condition on the videos to find. A UserError names the first prompt that is empty, and the
    first id that is there twice.
    """
    if path.endswith(TABLES):
        rows = _rows(path)
        found = [_prompt(path, rows, n) for n in range(len(rows))]
    else:
        found = of_texts(_lines(path), f"{path} has no prompt in line")
    return _unlike(path, found)


def of_texts(texts: Sequence[str], empty: str = "there is no text in prompt") -> list[Prompt]:
    """Prompts with ids by their place, 000 and on."""
    stripped = [text.strip() for text in texts]
    if not all(stripped) or not stripped:
        number = stripped.index("") + 1 if stripped else 1
        raise UserError(f"{empty} {number}: fill or remove it")
    return [Prompt(_id(n, len(stripped)), text) for n, text in enumerate(stripped)]


def _id(number: int, count: int) -> str:
    """A number as wide as the last one, so that names sort as the prompts do."""
    return f"{number:0{max(3, len(str(count - 1)))}d}"


def _lines(path: str) -> list[str]:
    try:
        return _bytes(path).decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8: {error}") from error


def _bytes(path: str) -> bytes:
    """The file, here or at a URL."""
    try:
        with open_media(path) as file:
            return file.read()
    except OSError as error:
        raise UserError(f"no file of prompts {path}") from error


def _rows(path: str) -> list[dict[str, Any]]:
    return _parquet(path) if path.endswith(".parquet") else _json_lines(path)


def _parquet(path: str) -> list[dict[str, Any]]:
    try:
        return pq.read_table(pa.BufferReader(_bytes(path))).to_pylist()
    except pa.ArrowInvalid as error:
        raise UserError(f"{path} is no Parquet table: {error}") from error


def _json_lines(path: str) -> list[dict[str, Any]]:
    return [row for number, line in enumerate(_lines(path), 1) for row in _row(path, number, line)]


def _row(path: str, number: int, line: str) -> Iterator[dict[str, Any]]:
    if not line.strip():
        return
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} has no JSON in line {number}: {error}") from error
    if not isinstance(row, dict):
        raise UserError(f"{path} has no object in line {number}: write {{'id': …, 'txt': …}}")
    yield row


def _prompt(path: str, rows: list[dict[str, Any]], number: int) -> Prompt:
    row = rows[number]
    column = next((name for name in TEXTS if name in row), None)
    if column is None:
        raise UserError(f"{path} needs columns videoID and txt, it has {list(row)}")
    named = next((row[name] for name in IDS if row.get(name) is not None), None)
    id = _id(number, len(rows)) if named is None else str(named)
    text = str(row[column] or "").strip()
    if not text:
        raise UserError(f"{path} has no text for {id!r}: fill or remove the row")
    image = row.get("image")
    if image and "://" not in image:
        folder = os.path.dirname(path)
        image = resolve(image, folder) if is_url(path) else str(Path(folder, image).resolve())
    return Prompt(id, text, image or None, row.get("where") or None)


def _unlike(path: str, prompts: list[Prompt]) -> list[Prompt]:
    if not prompts:
        raise UserError(f"{path} has no prompts")
    seen: set[str] = set()
    for prompt in prompts:
        if prompt.id in seen:
            raise UserError(f"{path} has the id {prompt.id!r} twice: rename one of the two")
        seen.add(prompt.id)
    return prompts


def read_columns(path: str) -> dict[str, dict[str, Any]]:
    """By prompt id, everything that the file's row says of it; `prompt` is its text."""
    prompts = read_prompts(path)
    rows = _rows(path) if path.endswith(TABLES) else [{} for _ in prompts]
    return {p.id: row | {"prompt": p.text} for p, row in zip(prompts, rows, strict=True)}

"""Reads files of prompts: text, Parquet or JSON Lines, checked as a whole before a run starts."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError
from data.records import Prompt
from engines.files.media import open_media
from engines.files.urls import is_url, resolve_location
from tasks.url_policy import build_url_policy

TABLES = (".parquet", ".jsonl")
TEXTS, IDS = ("txt", "prompt", "text"), ("videoID", "id")


def read_prompts(path: str) -> list[Prompt]:
    """The prompts of a text file (ids are line numbers from 000), Parquet table or JSON Lines.

    Tables have a column `txt` (or `prompt`, `text`) and may have: `videoID` (or `id`), else ids are
    row numbers; `image`, a first frame, relative to the file's folder; `where`, a condition on the
    videos to find. A UserError names the first prompt that is empty, or whose id occurs twice.
    """
    if path.endswith(TABLES):
        rows = _read_rows(path)
        prompts = [_build_prompt(path, rows, n) for n in range(len(rows))]
    else:
        prompts = build_prompts(_read_lines(path), f"{path} has no prompt in line")
    return _check_ids(path, prompts)


def build_prompts(texts: Sequence[str], empty: str = "there is no text in prompt") -> list[Prompt]:
    """Prompts of these texts, with their numbers from 000 as ids; a UserError for an empty one."""
    stripped = [text.strip() for text in texts]
    if not all(stripped) or not stripped:
        number = stripped.index("") + 1 if stripped else 1
        raise UserError(f"{empty} {number}: fill or remove it")
    return [Prompt(_pad_number(n, len(stripped)), text) for n, text in enumerate(stripped)]


def _pad_number(number: int, count: int) -> str:
    # As wide as the last number: ids, and so names of files, sort as the prompts do.
    return f"{number:0{max(3, len(str(count - 1)))}d}"


def _read_lines(path: str) -> list[str]:
    try:
        return _read_bytes(path).decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: {error}") from error


def _read_bytes(path: str) -> bytes:
    """The content of a file on this machine or at a URL."""
    try:
        with open_media(path, build_url_policy()) as file:
            return file.read()
    except OSError as error:
        raise UserError(f"no prompt file {path}") from error


def _read_rows(path: str) -> list[dict[str, Any]]:
    return _read_parquet(path) if path.endswith(".parquet") else _read_json_lines(path)


def _read_parquet(path: str) -> list[dict[str, Any]]:
    try:
        return pq.read_table(pa.BufferReader(_read_bytes(path))).to_pylist()
    except pa.ArrowInvalid as error:
        raise UserError(f"{path} is not a Parquet file: {error}") from error


def _read_json_lines(path: str) -> list[dict[str, Any]]:
    return [
        row
        for number, line in enumerate(_read_lines(path), 1)
        for row in _parse_row(path, number, line)
    ]


def _parse_row(path: str, number: int, line: str) -> Iterator[dict[str, Any]]:
    if not line.strip():
        return
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} has invalid JSON in line {number}: {error}") from error
    if not isinstance(row, dict):
        raise UserError(f'{path} has no JSON object in line {number}: write {{"id": …, "txt": …}}')
    yield row


def _build_prompt(path: str, rows: list[dict[str, Any]], number: int) -> Prompt:
    row = rows[number]
    # By each row, since lines of JSON may have different columns.
    column = next((name for name in TEXTS if name in row), None)
    if column is None:
        raise UserError(f"{path} must have columns videoID and txt, but has {', '.join(row)}")
    # Not `if row.get(name)`: an id of 0 is an id.
    named = next((row[name] for name in IDS if row.get(name) is not None), None)
    id = _pad_number(number, len(rows)) if named is None else str(named)
    text = str(row[column] or "").strip()
    if not text:
        raise UserError(f"{path} has no text for {id!r}: fill or remove the row")
    image = row.get("image")
    # Relative to the file, not to where the command was typed: a table can move with its images.
    if image and "://" not in image:
        folder = os.path.dirname(path)
        image = (
            resolve_location(image, folder) if is_url(path) else str(Path(folder, image).resolve())
        )
    columns = {key: str(value) for key, value in row.items() if value is not None}
    return Prompt(id, text, image or None, row.get("where") or None, columns)


def _check_ids(path: str, prompts: list[Prompt]) -> list[Prompt]:
    if not prompts:
        raise UserError(f"{path} has no prompts")
    seen: set[str] = set()
    for prompt in prompts:
        # Ids name the output files: a second one would overwrite the first.
        if prompt.id in seen:
            raise UserError(f"{path} has the id {prompt.id!r} twice: rename one of them")
        seen.add(prompt.id)
    return prompts


def read_columns(path: str) -> dict[str, dict[str, str]]:
    """The columns of each prompt as texts, by its id; `prompt` is its text."""
    return {prompt.id: to_row(prompt) for prompt in read_prompts(path)}


def to_row(prompt: Prompt) -> dict[str, str]:
    """A prompt's columns as texts; `prompt` is its text."""
    return prompt.columns | {"prompt": prompt.text}

"""Prompts from a file or from texts, checked as a whole before a run starts."""

import os
from collections.abc import Sequence
from pathlib import Path

from data.errors import UserError
from data.records import Prompt
from data.secrets import strip_secrets
from engines.files.urls import is_url, resolve_location
from engines.files.values import NotText, to_text
from tasks.prompt_files import IDS, TEXTS, Rows, read_rows
from tasks.signed_links import remember_link


def read_prompts(path: str) -> list[Prompt]:
    """The prompts of a text file, one a line, or of a CSV, JSON Lines or Parquet table.

    Blank lines are skipped. Tables have a column `txt` (or `prompt`, `text`) and may have:
    `videoID` (or `id`), else ids are the prompts' numbers from 000; `image`, a first frame,
    relative to the file's folder; `where`, a condition on the videos to find. A UserError names
    the first prompt that is empty, or whose id occurs twice.
    """
    rows = read_rows(path)
    if not path.lower().endswith(".txt") or any(set(row) != {"txt"} for row in rows):
        try:
            return _check_ids(path, [_build_prompt(path, rows, n) for n in range(len(rows))])
        except NotText as error:
            raise UserError(f"{path} has {error} where text belongs") from error
    if not rows:
        raise UserError(f"{path} has no prompts")
    return build_prompts([row["txt"] for row in rows])


def build_prompts(texts: Sequence[str]) -> list[Prompt]:
    """Prompts of these texts, with their numbers from 000 as ids; a UserError for an empty one."""
    stripped = [text.strip() for text in texts]
    if not all(stripped) or not stripped:
        number = stripped.index("") + 1 if stripped else 1
        raise UserError(f"there is no text in prompt {number}: fill or remove it")
    return [Prompt(_pad_number(n, len(stripped)), text) for n, text in enumerate(stripped)]


def _pad_number(number: int, count: int) -> str:
    # As wide as the last number: ids, and so names of files, sort as the prompts do.
    return f"{number:0{max(3, len(str(count - 1)))}d}"


def _build_prompt(path: str, rows: Rows, number: int) -> Prompt:
    row = rows[number]
    # By each row, since lines of JSON may have different columns.
    column = next((name for name in TEXTS if name in row), None)
    if column is None:
        raise UserError(f"{path} must have columns videoID and txt, but has {', '.join(row)}")
    # Not `if row.get(name)`: an id of 0 is an id.
    named = next((to_text(row[name]) for name in IDS if row.get(name) is not None), None)
    id = _pad_number(number, len(rows)) if named is None else named
    text = (to_text(row[column]) or "").strip()
    if not text:
        raise UserError(f"{path} has no text for {id!r}: fill or remove the row")
    image = to_text(row.get("image"))
    # Relative to the file, not to where the command was typed: a table can move with its images.
    if image and "://" not in image:
        folder = os.path.dirname(path)
        image = (
            resolve_location(image, folder) if is_url(path) else str(Path(folder, image).resolve())
        )
    image = image and remember_link(id, image)
    columns = {k: strip_secrets(str(value)) for k, value in row.items() if value is not None}
    return Prompt(id, strip_secrets(text), image, to_text(row.get("where")), columns)


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

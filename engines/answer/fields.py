"""Reads the fields of published files of questions, whatever is in them."""

from collections.abc import Mapping
from typing import Any


def read_text(row: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that says something, as text; empty where none does."""
    values = (str(row[name]).strip() for name in names if row.get(name) is not None)
    return next(filter(None, values), "")


def read_options(value: object) -> tuple[str, ...]:
    """Options from a list, an array or lines of text."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(line.strip() for line in value.splitlines() if line.strip())
    try:
        return tuple("" if each is None else str(each).strip() for each in value)  # type: ignore[attr-defined]
    except TypeError:
        return (str(value),)


def describe_missing(**fields: str) -> str:
    """Why a question cannot be asked: the names of its fields that are empty; else nothing."""
    missing = [name for name, value in fields.items() if not value]
    return f"no {' and no '.join(missing)}" if missing else ""

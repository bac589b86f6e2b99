"""Converts annotation files of other systems to tables that can be ingested."""

from typing import Any

from engines.files import annotations


def convert_annotations(file: str, out: str) -> dict[str, Any]:
    """Writes the rows of a pickled list of records as Parquet; where, and how many."""
    # The engine reads data alone: a pickle's code is never run.
    return annotations.convert_annotations(file, out)

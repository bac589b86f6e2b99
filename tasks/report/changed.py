"""Finds videos that are no longer those whose scores an evaluation or experiment holds.

Scores are of a content. A run's video may be generated again, and a file in a folder replaced.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from data.runs.evaluations import Summary, read_videos
from data.runs.generations import read_generations, read_run
from data.store import layout
from data.store.storage import Store
from engines.embed.weights import digest_file
from engines.files.urls import is_url

Row = Mapping[str, Any]


def find_changed(store: Store, summary: Summary) -> dict[str, str]:
    """The videos of an evaluation whose content is not the measured one any more: id and method.

    Of a run by what it recorded, of local files by their bytes. Files at a URL are not looked at,
    nor those that are gone.
    """
    rows = read_videos(store, summary.evaluation)
    if is_recorded_run(store, summary.source):
        return _find_in_run(store, summary.source, rows)
    since = datetime.fromisoformat(summary.made).timestamp()
    return {r["id"]: r["method"] for r in rows if r["content"] and _is_replaced(r, since)}


def is_recorded_run(store: Store, source: str) -> bool:
    """Whether a source is a run of the store; it may also be anybody's folder of videos."""
    return source.isalnum() and store.exists(layout.spec_file(layout.generation_folder(source)))


def read_run_contents(store: Store, run: str) -> dict[str, str]:
    """The SHA-256 of a run's videos as they are now, by request; "" where there is none."""
    rows = read_generations(store, read_run(store, run))
    return {row["request_id"]: row["sha256"] or "" for row in rows}


def _find_in_run(store: Store, run: str, rows: Iterable[Row]) -> dict[str, str]:
    now = read_run_contents(store, run)
    return {r["id"]: r["method"] for r in rows if now.get(r["id"], "") != (r["content"] or "")}


def _is_replaced(row: Row, since: float) -> bool:
    """Whether a local file has other bytes than those that were measured."""
    if is_url(row["uri"]):
        return False
    try:
        # The time of change, not of modification: a copy may keep the latter. Only files that
        # were touched since are read.
        touched = Path(row["uri"]).stat().st_ctime >= since
        return touched and digest_file(row["uri"]) != row["content"]
    except OSError:
        return False

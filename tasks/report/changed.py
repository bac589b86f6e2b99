"""Finds videos that are no longer those whose scores an evaluation or experiment holds.

Scores are of a content. A run's video may be generated again, and a file in a folder replaced.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from data.runs.evaluations import Summary, read_videos
from data.runs.generations import read_generations, read_run
from data.store import layout
from data.store.storage import Store
from engines.embed.weights import digest_file
from engines.files.urls import is_url
from tasks.evaluate.aggregate import recompute_means

Row = Mapping[str, Any]
CHANGED = "changed since it was measured"
PAGES = ("report.html", "report-sheet.jpg")


def find_changed(store: Store, summary: Summary) -> dict[str, Row]:
    """The rows of an evaluation's videos whose content is not the measured one any more, by id.

    Of a run by what it recorded, of local files by their bytes. Files at a URL are not looked at,
    nor those that are gone.
    """
    rows = read_videos(store, summary.evaluation)
    if is_recorded_run(store, summary.source):
        return _find_in_run(store, summary.source, rows)
    since = datetime.fromisoformat(summary.made).timestamp()
    return {row["id"]: row for row in rows if row["content"] and _is_replaced(row, since)}


def leave_out(summary: Summary, scores: Iterable[Row], changed: Mapping[str, Row]) -> Summary:
    """The summary of the videos that are still those that were measured."""
    # A changed video leaves all counts: also that of failures, if it was one.
    failed = Counter(row["method"] for row in changed.values() if row["reason"])
    methods = (replace(each, failed=each.failed - failed[each.method]) for each in summary.methods)
    rest = [dict(row) for row in scores if row["id"] not in changed]
    return recompute_means(replace(summary, methods=tuple(methods)), rest)


def blank_changed(store: Store, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """An experiment's rows of `tables.SCORES`, without the values of videos that have changed.

    Rows of 0.1.0 do not say of which content they are, and stay as they are.
    """
    # Each run is read once, however many of its rows there are.
    now = {run: read_run_contents(store, run) for run in {row["run"] for row in rows}}

    def has_changed(row: Row) -> bool:
        content = row.get("content")
        return content is not None and content != now[row["run"]].get(row["request_id"], "")

    return [r | {"value": None, "reason": CHANGED} if has_changed(r) else r for r in rows]


def is_recorded_run(store: Store, source: str) -> bool:
    """Whether a source is a run of the store; it may also be anybody's folder of videos."""
    return source.isalnum() and store.exists(layout.spec_file(layout.generation_folder(source)))


def read_run_contents(store: Store, run: str) -> dict[str, str]:
    """The SHA-256 of a run's videos as they are now, by request; "" where there is none."""
    rows = read_generations(store, read_run(store, run))
    return {row["request_id"]: row["sha256"] or "" for row in rows}


def remove_pages(store: Store, run: str) -> None:
    """Removes the pages in the store that play a run's videos: `reelflow report` writes them anew.

    A page lies beside scores and texts of what it played when it was written.
    """
    folders = [layout.generation_folder(run)]
    for folder in (*store.list_names(layout.EVALUATIONS), *store.list_names(layout.EXPERIMENTS)):
        # A run that was killed early may have left a folder without its record.
        if store.exists(layout.spec_file(folder)):
            record = json.loads(store.read(layout.spec_file(folder)))
            if run == record.get("source") or run in record.get("runs", {}).values():
                folders.append(folder)
    for name in (f"{folder}/{page}" for folder in folders for page in PAGES):
        store.delete(name)


def _find_in_run(store: Store, run: str, rows: Iterable[Row]) -> dict[str, Row]:
    now = read_run_contents(store, run)
    return {row["id"]: row for row in rows if now.get(row["id"], "") != (row["content"] or "")}


def _is_replaced(row: Row, since: float) -> bool:
    """Whether a local file has other bytes than those that were measured."""
    if is_url(row["uri"]):
        return False
    try:
        # The time of change, not of modification: a copy may keep the latter. Only files that
        # were touched since are read.
        touched = Path(row["uri"]).stat().st_ctime >= since
        return touched and digest_file(row["uri"]) != row["content"]
    except OSError:  # a file that is gone is not a changed one
        return False

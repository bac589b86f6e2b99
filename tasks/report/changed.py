"""Finds videos that are no longer those whose scores an evaluation or experiment holds.

Scores are of a content. A run's video may be generated again, and a file in a folder replaced.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

from data.runs.evaluations import Summary, list_ended_evaluations, read_summary, read_videos
from data.runs.generations import read_generations, read_run
from data.store import layout
from data.store.storage import Store
from engines.files.access import UrlPolicy
from engines.files.modified import read_modified
from engines.files.urls import is_url
from tasks.evaluate.aggregate import recompute_means
from tasks.evaluate.digests import digest_uri
from tasks.url_policy import build_url_policy

Row = Mapping[str, Any]
CHANGED = "changed since it was measured"
CLOCKS_S = 600.0  # by which the clocks of two machines may differ
PAGES = ("report.html", "report-sheet.jpg")


def find_changed(store: Store, summary: Summary) -> dict[str, Row]:
    """The rows of an evaluation's videos whose content is not the measured one any more, by id.

    Of a run by what it recorded, of other files by their bytes. Only those are read that may have
    been touched since; those that are gone have not changed.
    """
    rows = read_videos(store, summary.evaluation)
    if is_recorded_run(store, summary.source):
        return _find_in_run(store, summary.source, rows)
    since = datetime.fromisoformat(summary.made).timestamp()
    measured, policy = [row for row in rows if row["content"]], build_url_policy()
    with ThreadPoolExecutor(16) as threads:  # they wait for storage
        replaced = threads.map(lambda row: _is_replaced(row, since, policy), measured)
        return {row["id"]: row for row, is_new in zip(measured, replaced, strict=True) if is_new}


def leave_out(summary: Summary, scores: Iterable[Row], changed: Mapping[str, Row]) -> Summary:
    """The summary of the videos that are still those that were measured."""
    # A changed video leaves all counts: also that of failures, if it was one.
    failed = Counter(row["method"] for row in changed.values() if row["reason"])
    methods = (replace(each, failed=each.failed - failed[each.method]) for each in summary.methods)
    rest = [dict(row) for row in scores if row["id"] not in changed]
    return recompute_means(replace(summary, methods=tuple(methods)), rest)


def blank_changed(store: Store, rows: Sequence[dict[str, Any]], made: str) -> list[dict[str, Any]]:
    """An experiment's rows of `tables.SCORES`, without the values of videos that have changed.

    Rows of 0.1.0 do not say of which content they are: that is in the evaluations of the runs from
    before the experiment was `made`.
    """
    # Each run is read once, however many of its rows there are.
    runs = {row["run"] for row in rows}
    now = {run: read_run_contents(store, run) for run in runs}
    old = {row["run"] for row in rows if row.get("content") is None}
    measured = {run: _read_measured_contents(store, run, made) for run in old}

    def has_changed(row: Row) -> bool:
        content, id = row.get("content"), row["request_id"]
        if content is None:
            content = measured[row["run"]].get(id)
        return content is not None and content != now[row["run"]].get(id, "")

    return [r | {"value": None, "reason": CHANGED} if has_changed(r) else r for r in rows]


def _read_measured_contents(store: Store, run: str, made: str) -> dict[str, str]:
    """The contents of a run's videos as last evaluated until a time, by request."""
    earlier = [
        summary for name in list_ended_evaluations(store)
        if (summary := read_summary(store, name)).source == run and summary.made <= made
    ]  # fmt: skip
    latest = max(earlier, key=lambda summary: summary.made, default=None)
    if latest is None:
        return {}
    return {row["id"]: row["content"] or "" for row in read_videos(store, latest.evaluation)}


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


def _is_replaced(row: Row, since: float, policy: UrlPolicy) -> bool:
    """Whether a file has other bytes than those that were measured."""
    try:
        modified = read_modified(row["uri"], policy)
    except OSError:  # a file that is gone is not a changed one
        return False
    # A storage has a clock of its own, and a web server may state no time: these are read.
    margin = CLOCKS_S if is_url(row["uri"]) else 0.0
    if modified is not None and modified < since - margin:
        return False
    return digest_uri(row["uri"]) not in ("", row["content"])

"""A source's rows as entries of the videos table, with what is wrong with them."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from data.catalog.seen_ids import Seen
from data.records import Row
from data.store import tables
from engines.files.access import Reach, unsecret
from engines.files.media import stat_media

STATS_AT_ONCE = 32  # object stores answer in 50 ms: ask for many at a time


def checked(rows: Sequence[Row], seen: Seen) -> list[dict[str, Any]]:
    """The rows as entries of `tables.VIDEOS`, with what is wrong as far as a row tells."""
    entries = [_entry(row) for row in rows]
    named = [e for e in entries if not e["rejected"]]
    lines = seen.first_lines([e["id"] for e in named], [e["line"] for e in named])
    for entry, first in zip(named, lines, strict=True):
        if first != entry["line"]:
            _refuse(entry, f"its id is that of line {first}", rejected=True)
    return entries


def _entry(row: Row) -> dict[str, Any]:
    entry = dict.fromkeys(tables.VIDEOS.names) | {
        "line": row.line, "id": row.id, "uri": row.uri, "caption": row.caption, "rejected": False,
        "columns": json.dumps(row.columns, sort_keys=True),
        "note": None if row.caption else "no caption",
    }  # fmt: skip
    if row.id is None:
        _refuse(entry, str(row.columns.get("error") or "no id"), rejected=True)
    elif row.uri is None:
        _refuse(entry, str(row.columns.get("error") or "no location of a video"))
    return entry


def _refuse(entry: dict[str, Any], detail: str, rejected: bool = False) -> None:
    entry.update(reason="rejected", detail=detail, rejected=rejected)


def stat(entries: list[dict[str, Any]], reach: Reach) -> None:
    """Size and stamp of each file, or why there is none."""
    with ThreadPoolExecutor(STATS_AT_ONCE) as threads:
        found = threads.map(partial(_stated, reach), entries)
        for entry, said in zip(entries, found, strict=True):
            entry.update(said)


def _stated(reach: Reach, entry: dict[str, Any]) -> dict[str, Any]:
    if refusal := reach.refusal(entry["uri"]):
        return {"reason": "rejected", "detail": refusal, "uri": unsecret(entry["uri"])}
    try:
        size, stamp = stat_media(entry["uri"])
        return {"bytes": size, "stamp": stamp}
    except FileNotFoundError:
        return {"reason": "missing", "detail": f"no file {entry['uri']}"}
    except (OSError, ValueError) as error:
        return {"reason": "undecodable", "detail": f"cannot be opened: {error}"}

"""Videos as the page shows them: rows of the catalogue as JSON."""

import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from data.catalog.browsing import read_by_key
from data.catalog.filter_terms import FilterTerm
from data.errors import UserError
from data.records import Hit
from data.snapshot import SnapshotWorkspace
from engines.files.time_span import split_span, strip_span

PLAYED = {"h264", "vp8", "vp9", "av1"}  # codecs that browsers play
CONTAINERS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
OWN = ("id", "uri", "caption", "content", "bytes", "duration", "fps", "width", "height", "codec",
       "rotation", "note")  # fmt: skip


class Video(BaseModel):
    """A video of a corpus: `columns` are its source's own, `score` its similarity to a query.

    `plays` is the type of a file that browsers play as it is; others are shown as previews. The
    video begins at the second `starts` of its file. Of a moment, `start_sec` and `end_sec` are its
    seconds within the video.
    """

    id: str
    uri: str
    caption: str | None
    content: str
    bytes: int | None
    duration: float | None
    fps: float | None
    width: int | None
    height: int | None
    codec: str | None
    rotation: int | None
    note: str | None
    plays: str | None
    columns: dict[str, Any]
    starts: float = 0.0
    score: float | None = None
    start_sec: float | None = None
    end_sec: float | None = None


class Choice(BaseModel):
    """Which videos: those that meet every filter, and the condition `where` (SQL)."""

    filters: list[FilterTerm] = []
    where: str | None = None


def build_video(row: dict[str, Any], hit: Hit | None = None) -> Video:
    """A row of the catalogue as the page shows it, as a hit of a search where it is one."""
    own = {key: row.get(key) for key in OWN}
    others = {key: to_json(value) for key, value in row.items() if key not in OWN}
    _, span = split_span(row["uri"] or "")
    found = {key: getattr(hit, key) for key in ("score", "start_sec", "end_sec")} if hit else {}
    return Video(**own, **found, plays=find_media_type(row), columns=others,
                 starts=span.start if span else 0.0)  # fmt: skip


def find_media_type(row: dict[str, Any]) -> str | None:
    """The media type of a video that browsers play as it is; None for any other."""
    uri = strip_span(row["uri"] or "")
    path = urlsplit(uri).path if "://" in uri else uri
    suffix = PurePosixPath(path.rpartition("::")[2]).suffix.lower()
    return CONTAINERS.get(suffix) if row.get("codec") in PLAYED else None


def read_videos(now: SnapshotWorkspace, corpus: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of videos by their ids, in this order; those that may not be shown are missing."""
    by_id = {row["id"]: row for row in read_by_key(now.snapshot, corpus, "id", ids)}
    return [by_id[id] for id in ids if id in by_id]


def read_video(now: SnapshotWorkspace, corpus: str, id: str) -> dict[str, Any]:
    """The row of one video; a UserError where the corpus shows none of this id."""
    rows = read_videos(now, corpus, [id])
    if not rows:
        raise UserError(f"{corpus} shows no video {id[:80]!r}: it is not there, or was withdrawn")
    return rows[0]


def to_json(value: Any) -> Any:
    """A value of a column as JSON has it: dates as text, and nothing that is no number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, timedelta | bytes) else value

"""All that is known of one video."""

from typing import Any

from pydantic import BaseModel

from data.catalog.browsing import find_rows, read_rows
from data.catalog.coverage import list_current
from data.catalog.database import load_sql
from data.errors import UserError
from data.snapshot import SnapshotWorkspace
from tasks.browse.searching import Curve, Search, read_curves, search_corpus
from tasks.browse.session import Session
from tasks.browse.timeline import Timeline, read_timeline
from tasks.browse.videos import Video, build_video, read_video

NEIGHBOURS = 12
NEAR_COPY = 0.94  # RAGME's: a video that is more similar than this says nothing new
MAX_OUTPUTS, MAX_DUPLICATES = 50, 24


class Details(BaseModel):
    """A video with its neighbours, copies, outputs that it conditioned, and attempts at it.

    `curve` is of the search that was asked about; `no_neighbours` says why there are none.
    `copies` have the same bytes; `duplicates` are the others of its group of near-duplicates.
    `retry` is the command that tries again what failed last.
    """

    video: Video
    curve: Curve | None
    neighbours: list[Video]
    no_neighbours: str | None
    near_copy: float = NEAR_COPY
    copies: list[str]
    duplicates: list[Video]
    timeline: Timeline
    retry: str | None
    outputs: list[dict[str, Any]]
    attempts: list[dict[str, Any]]


def read_details(session: Session, corpus: str, id: str, query: str | None) -> Details:
    """The details of a video; a UserError where the corpus shows none of this id."""
    now = session.require_corpus(corpus)
    row = read_video(now, corpus, id)
    curves = read_curves(session, corpus, query, [id]) if query else []
    neighbours: list[Video] = []
    reason = None
    try:
        search = Search(video=id, k=NEIGHBOURS)
        neighbours = search_corpus(session, corpus, search, keep_copies=True).videos
    except UserError as error:  # not indexed yet, or no index at all
        reason = str(error)
    history = _read_history(now, corpus, row)
    failed = _find_failure(now, corpus, history["attempts"])
    return Details(
        video=build_video(row), curve=curves[0] if curves else None, neighbours=neighbours,
        no_neighbours=reason, duplicates=_read_duplicates(now, corpus, row),
        timeline=read_timeline(now, corpus, row["content"]), **history,
        retry=session.write_command("retry", corpus, "--reason", failed) if failed else None,
    )  # fmt: skip


def _read_history(now: SnapshotWorkspace, corpus: str, row: dict[str, Any]) -> dict[str, Any]:
    """Copies, outputs and attempts, from the catalogue."""
    values = {"corpus": corpus, "content": row["content"]}
    with now.open_catalog() as catalog:
        copies = catalog.execute(load_sql("copies_of_content"), id=row["id"], **values)
        attempts = catalog.query_rows(load_sql("attempts_of_content"), **values)
        outputs = catalog.query_rows(load_sql("outputs_of_video"), id=row["id"], corpus=corpus)
    return {
        "copies": [id for (id,) in copies],
        "attempts": attempts,
        "outputs": outputs[:MAX_OUTPUTS],
    }


def _read_duplicates(now: SnapshotWorkspace, corpus: str, row: dict[str, Any]) -> list[Video]:
    """The other videos of its group; none where the corpus was not searched for them."""
    if row.get("duplicate_group") is None:
        return []
    numbers = find_rows(now.snapshot, corpus, "duplicate_group", [row["duplicate_group"]])
    rows = read_rows(now.snapshot, corpus, numbers[: MAX_DUPLICATES + 1])
    return [build_video(each) for each in rows if each["id"] != row["id"]]


def _find_failure(
    now: SnapshotWorkspace, corpus: str, attempts: list[dict[str, Any]]
) -> str | None:  # fmt: skip
    """The reason of what failed at the last attempt; None where nothing did."""
    current = set(list_current(now.store, corpus))  # another spec's failures are past
    last = {each["fingerprint"]: each["reason"] for each in attempts}  # the oldest come first
    failed = [reason for stage, reason in last.items() if reason and stage in current]
    return failed[0] if failed else None

"""Writes what a search for near-duplicates found: a table of groups, a page of pairs."""

from collections.abc import Iterator
from heapq import nsmallest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import iter_batches
from data.shards.stages import Stage
from data.workspace import Workspace
from engines.files.time_span import split_span
from engines.report.duplicates import CopyPair, DuplicatesPage, Player
from engines.report.html import Figure, link_uri, render_template, replace_file, write_html
from tasks.dedup.listing import TABLE, Copy, Group, Row, Span, list_groups, list_rows

MAX_PAIRS = 300  # on a page: the least similar ones, which are those to be judged
ROWS = 10_000  # of the table written at a time
SAME_SPEED = 0.02
ABOUT = ("corpus", "threshold", "keep", "index_version", "fingerprint")


@task(name="duplicates-table", cache_policy=NO_CACHE, persist_result=False)
def write_groups_table(workspace: Workspace, stage: Stage, path: Path) -> None:
    """Writes every video of every group as Parquet, each group's kept video first."""

    def write(draft: Path) -> None:
        with pq.ParquetWriter(draft, TABLE, compression="zstd") as writer:
            for rows in iter_batches(list_rows(list_groups(workspace, stage)), ROWS):
                writer.write_table(pa.Table.from_pylist(rows, TABLE))

    replace_file(path, write)


@task(name="duplicates-page", cache_policy=NO_CACHE, persist_result=False)
def write_duplicates_page(
    workspace: Workspace, stage: Stage, summary: dict[str, Any], path: Path
) -> None:
    """Writes the page of the pairs that are least alike, each copy beside the video kept."""
    pairs = (each for group in list_groups(workspace, stage) for each in _list_pairs(group, path))
    # Of a corpus with millions of copies those alone that are shown are held.
    shown = nsmallest(MAX_PAIRS, pairs, key=lambda pair: (pair.score or 2.0, pair.group))
    more = summary["duplicates"] - len(shown)
    rest = f" {more:,} more pairs are not shown." if more else ""
    lead = (
        f"{summary['duplicates']:,} videos are copies of others, which are kept"
        f" in their place. The least alike come first; spans that agree play in a loop.{rest}"
    )
    about = {key.replace("_", " "): str(summary[key]) for key in ABOUT}
    figures = [
        Figure("groups", f"{summary['groups']:,}"),
        Figure("duplicates", f"{summary['duplicates']:,}", note="nothing is deleted"),
        Figure("of the same bytes", f"{summary['same_bytes']:,}"),
        Figure("largest group", f"{summary['largest']:,}", "videos"),
    ]
    page = DuplicatesPage(f"Near-duplicates in {stage.corpus}", lead, shown, about, figures)
    write_html(path, render_template("duplicates.html", page))


def _list_pairs(group: Group, page: Path) -> Iterator[CopyPair]:
    for copy in group.copies:
        spans: tuple[Span | None, Span | None] = copy.spans or (None, None)
        yield CopyPair(
            group.id, _build_player(group.kept, spans[0], page),
            _build_player(copy.video, spans[1], page), copy.score,
            _describe_relation(group.kept, copy), copy.same_bytes,
        )  # fmt: skip


def _build_player(video: Row, span: Span | None, page: Path) -> Player:
    src = link_uri(video["uri"], page) if video["uri"] else None
    size = f"{video['width']} × {video['height']}" if video["width"] else ""
    length = f"{video['duration']:.1f} s" if video["duration"] else ""
    weight = f"{video['bytes'] / 1e6:,.2f} MB" if video["bytes"] else ""
    facts = ", ".join(filter(None, (size, length, video["codec"] or "", weight)))
    # One frame has no length that a player could repeat; a row that is a span has its own window.
    is_span = bool(video["uri"]) and split_span(video["uri"])[1] is not None
    window = span if span and span[1] - span[0] > 0.5 and not is_span else None
    return Player(video["id"], src, facts, video["caption"], window)


def _describe_relation(kept: Row, copy: Copy) -> str:
    """How a copy differs from the video that is kept, in a few words."""
    if copy.same_bytes:
        return "the same bytes"
    if not copy.is_compared:
        return "copies of another video of the group"
    parts = []
    if copy.speed and abs(copy.speed - 1) > SAME_SPEED:
        parts.append(f"{copy.speed:.2f} × the speed")
    lengths = [row["duration"] for row in (kept, copy.video)]
    if all(lengths) and abs(lengths[0] - lengths[1]) > 0.1:
        parts.append(f"{abs(lengths[0] - lengths[1]):.1f} s "
                     + ("shorter" if lengths[1] < lengths[0] else "longer"))  # fmt: skip
    if kept["width"] and (kept["width"], kept["height"]) != (
        copy.video["width"], copy.video["height"],
    ):  # fmt: skip
        parts.append("another size")
    return ", ".join(parts) or "the same length and size, other bytes"

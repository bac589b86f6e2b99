"""The page of the leaderboard: its tables, and each clip as every method made it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.workspace import Workspace
from engines.report.html import Figure, render, write
from engines.report.leaderboard.board import Board
from engines.report.leaderboard.clips import Clip, Clips
from engines.report.leaderboard.table import Column, Entry, Table, in_order
from engines.report.leaderboard.text import settings, settings_of

SHAPE = "4 / 3"  # of a picture: methods make squares and wide ones


@dataclass(frozen=True, slots=True)
class LeaderboardPage:
    """All that is shown; `more` are the published tables that ours are not compared with."""

    lead: str
    tables: list[Table]
    more: list[Table]
    clips: list[Clip]
    columns: list[Column]
    about: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    title: str = "Leaderboard"
    shape: str = SHAPE

    @property
    def failed(self) -> int:
        """How many clips lack a measured video."""
        return sum(clip.failed > 0 for clip in self.clips)

    def about_of(self, table: Table) -> list[str]:
        """The settings that any line of a table knows, but for how many clips."""
        return [name for name in settings_of([asdict(e) for e in table.entries]) if name != "clips"]

    def settings(self, entry: Entry) -> dict[str, str]:
        """A line's settings as text."""
        return settings(asdict(entry))

    @property
    def leaked(self) -> int:
        """How many clips lie in the bank that was tested."""
        return sum(bool(clip.leaks) for clip in self.clips)


@task(name="leaderboard-page", cache_policy=NO_CACHE, persist_result=False)
def write_leaderboard_task(
    workspace: Workspace, board: Board, page: Path, data: str | None = None
) -> dict[str, Any]:
    """Prefect's skin over `write_leaderboard`."""
    return write_leaderboard(workspace, board, page, data)


def write_leaderboard(
    workspace: Workspace, board: Board, page: Path, data: str | None = None
) -> dict[str, Any]:
    """Writes the page; where it is, and how many clips are on it.

    `data` is a folder with a folder for each clip, whose real videos are shown beside.
    """
    if data is not None and not Path(data).is_dir():
        raise UserError(f"no folder {data} of clips: give the benchmark's data folder")
    made = leaderboard_page(workspace, board, page, data and str(Path(data).absolute()))
    write(page, render("leaderboard.html", made))
    videos = sum(len(clip.trials) for clip in made.clips)
    return {"clips": len(made.clips), "videos": videos, "page": page}


def leaderboard_page(
    workspace: Workspace, board: Board, page: Path, data: str | None = None
) -> LeaderboardPage:
    """The page of a board, at a path that its videos are seen from."""
    ours = [table for table in board.tables if any(e.evaluation for e in table.entries)]
    columns = {c.metric: c for c in in_order(c for t in ours for c in t.columns if _measured(t, c))}
    clips = Clips(workspace, page, columns, data)
    for summary in board.summaries:
        clips.add(summary)
    methods = [(e.evaluation, e.method) for t in ours for e in t.entries if e.evaluation]
    found = clips.ordered(methods)
    front = ours + [t for t in board.tables if t not in ours and t.standard]
    return LeaderboardPage(
        _lead(board, len(set(methods))), front, [t for t in board.tables if t not in front],
        found, list(columns.values()), _about(workspace, board),
        list(_figures(board, found, ours)),
    )  # fmt: skip


def _measured(table: Table, column: Column) -> bool:
    """Whether any method of ours has a value."""
    return any(e.cell(column.metric).value is not None for e in table.entries if e.evaluation)


def _lead(board: Board, methods: int) -> str:
    if not board.summaries:
        return "What was published of MSRVTT-Personalization. Nothing of ours is evaluated yet."
    runs = len(board.summaries)
    return (
        f"{methods:,} method{'s' if methods > 1 else ''} in {runs:,} evaluation"
        f"{'s' if runs > 1 else ''}, beside what was published. Means over videos, with 95\u00a0%"
        " intervals; the best of a column is bold."
    )


def _about(workspace: Workspace, board: Board) -> dict[str, str]:
    made = max((summary.made for summary in board.summaries), default="")
    named = " ".join(summary.evaluation for summary in board.summaries[:4])
    more = len(board.summaries) - 4
    said = {"evaluations": f"{named} and {more} more" if more > 0 else named, "newest": made}
    return {name: value for name, value in said.items() if value}


def _figures(board: Board, clips: list[Clip], ours: list[Table]) -> Iterator[Figure]:
    """Counts, and who leads the first tables."""
    if not board.summaries:
        return
    methods = [method for summary in board.summaries for method in summary.methods]
    failed = sum(method.failed for method in methods)
    yield Figure("clips", f"{len(clips):,}", note="each by every method that has it")
    videos = sum(method.videos - method.dropped for method in methods)
    yield Figure("videos", f"{videos:,}", note=f"{failed:,} failed" if failed else "none failed")
    first = {table.mode: table for table in reversed(ours)}
    for mode, table in sorted(first.items(), key=lambda each: ours.index(each[1]))[:2]:
        leading = next(entry for entry in table.entries if entry.evaluation)
        cell = leading.cell(table.by)
        if cell.value is not None:
            label = next(c.label for c in table.columns if c.metric == table.by)
            where = f", {mode} mode" if mode else ""
            yield Figure(f"our best {label}{where}", cell.shown, note=leading.method)

"""The leaderboard's page: its tables, and below them each clip as every method made it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from engines.report.html import Figure, format_time
from engines.report.leaderboard.board import Board
from engines.report.leaderboard.table import Column, Entry, Table, sort_columns
from engines.report.leaderboard.text import format_settings, list_settings
from engines.report.leaderboard.trials import Clip

SHAPE = "4 / 3"  # between the square videos of some methods and the wide ones of others
MAX_EVALUATIONS = 4  # that the head of the page names


@dataclass(frozen=True, slots=True)
class LeaderboardPage:
    """The values that leaderboard.html shows.

    `more` are published tables that ours are not compared with, folded away.
    """

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
    def failures(self) -> int:
        """How many clips have a video that could not be measured."""
        return sum(clip.failures > 0 for clip in self.clips)

    @property
    def leak_count(self) -> int:
        """How many clips are in the index that was tested."""
        return sum(bool(clip.leaks) for clip in self.clips)

    def list_settings(self, table: Table) -> list[str]:
        """Lists the settings that any entry of a table has, except the number of clips.

        That has a column of its own, with failures.
        """
        return [name for name in list_settings([asdict(e) for e in table.entries])
                if name != "clips"]  # fmt: skip

    def format_settings(self, entry: Entry) -> dict[str, str]:
        """Formats an entry's settings by name."""
        return format_settings(asdict(entry))


def own_tables(board: Board) -> list[Table]:
    """Returns the tables that have at least one method of ours."""
    return [table for table in board.tables if any(e.evaluation for e in table.entries)]


def own_methods(board: Board) -> list[tuple[str, str]]:
    """Returns pairs of evaluation and method, in the order of the tables."""
    return [(e.evaluation, e.method) for t in own_tables(board) for e in t.entries if e.evaluation]


def own_columns(board: Board) -> dict[str, Column]:
    """Returns, by metric, the columns in which a method of ours has a value."""
    columns = (c for t in own_tables(board) for c in t.columns if _has_values(t, c))
    return {column.metric: column for column in sort_columns(columns)}


def build_leaderboard_page(board: Board, clips: Sequence[Clip]) -> LeaderboardPage:
    """Builds the page of a board, with the clips that play below its tables."""
    ours = own_tables(board)
    front = ours + [t for t in board.tables if t not in ours and t.standard]
    return LeaderboardPage(
        _format_lead(board, len(set(own_methods(board)))), front,
        [t for t in board.tables if t not in front], list(clips),
        list(own_columns(board).values()), _describe_board(board),
        list(_build_figures(board, clips, ours)),
    )  # fmt: skip


def _has_values(table: Table, column: Column) -> bool:
    return any(e.cell(column.metric).value is not None for e in table.entries if e.evaluation)


def _format_lead(board: Board, methods: int) -> str:
    if not board.summaries:
        return "Published results of MSRVTT-Personalization; no evaluation of ours yet."
    runs = len(board.summaries)
    return (
        f"{methods:,} method{'s' if methods > 1 else ''} in {runs:,} evaluation"
        f"{'s' if runs > 1 else ''}, beside published results. Means over videos, with 95\u00a0%"
        " intervals; the best of a column is bold."
    )


def _describe_board(board: Board) -> dict[str, str]:
    newest = max((summary.made for summary in board.summaries), default="")
    names = " ".join(summary.evaluation for summary in board.summaries[:MAX_EVALUATIONS])
    more = len(board.summaries) - MAX_EVALUATIONS
    facts = {
        "evaluations": f"{names} and {more} more" if more > 0 else names,
        "newest": format_time(newest),
    }
    return {name: value for name, value in facts.items() if value}


def _build_figures(board: Board, clips: Sequence[Clip], ours: list[Table]) -> Iterator[Figure]:
    """Yields counts, and who leads the first table of two modes."""
    if not board.summaries:
        return
    methods = [method for summary in board.summaries for method in summary.methods]
    failed = sum(method.failed for method in methods)
    yield Figure("clips", f"{len(clips):,}", note="compared across methods")
    # Dropped videos were left out by the spec: they are neither measured nor played.
    videos = sum(method.videos - method.dropped for method in methods)
    yield Figure("videos", f"{videos:,}", note=f"{failed:,} failed" if failed else "none failed")
    first = {table.mode: table for table in reversed(ours)}
    for mode, table in sorted(first.items(), key=lambda each: ours.index(each[1]))[:2]:
        # Ours, even where a published method ranks higher: the figure says so.
        leading = next(entry for entry in table.entries if entry.evaluation)
        cell = leading.cell(table.by)
        if cell.value is not None:
            label = next(c.label for c in table.columns if c.metric == table.by)
            where = f", {mode} mode" if mode else ""
            yield Figure(f"our best {label}{where}", cell.text, note=leading.method)

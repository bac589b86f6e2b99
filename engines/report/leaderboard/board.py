"""The leaderboard's tables: evaluations grouped with what they compare with, ours and published."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from data.runs.evaluations import Summary
from data.runs.published import ACTION, MODES, MOTION, read_published_tables
from engines.report.leaderboard.comparable import (
    check_comparable,
    group_comparable,
    list_switches,
    list_versions,
    published_mismatches,
    unusual_switches,
)
from engines.report.leaderboard.notes import MAX_REASONS, Evaluations, leak_warning, list_notes
from engines.report.leaderboard.table import (
    Table,
    build_table,
    check_sort,
    published_columns,
    published_entries,
    summary_columns,
    summary_entries,
)


@dataclass(frozen=True, slots=True)
class Board:
    """All tables, in the order in which they are shown, and the evaluations in them.

    `measured` says of each, by name, what it measured.
    """

    tables: tuple[Table, ...]
    summaries: tuple[Summary, ...]
    measured: Evaluations


def build_board(
    summaries: Sequence[Summary], measured: Evaluations, mode: str | None = None,
    sort: str | None = None, group: bool = False,
) -> Board:  # fmt: skip
    """Builds the tables of evaluations and of published scores.

    `measured` serves to note where methods have scores on other clips, or of other videos than
    lie there now. Raises a UserError if evaluations do not compare and `group` does not allow
    separate tables, or if there is no column `sort`.
    """
    modes: dict[tuple[str | None, str | None], list[Summary]] = {}
    for summary in summaries:
        modes.setdefault((summary.mode, summary.benchmark), []).append(summary)
    tables: list[Table] = []
    for group_summaries in modes.values():
        # Checked before any table is built: ranking what does not compare must be impossible.
        if not group:
            check_comparable(group_summaries)
        tables += _own_tables(group_summaries, measured, sort)
    for each in _published_modes(summaries, mode):
        merged = any(table.source and table.mode == each for table in tables)
        own = [summary for summary in summaries if summary.mode == each]
        reasons = [reason for summary in own for reason in published_mismatches(summary)]
        tables += _published_tables(each, reasons, merged, sort)
    # Stable: evaluations keep the order in which they were named.
    tables.sort(key=_sort_key)
    check_sort(sort, (column for table in tables for column in table.columns))
    return Board(tuple(tables), tuple(summaries), measured)


def _published_modes(summaries: Sequence[Summary], mode: str | None) -> list[str]:
    """Returns the modes whose published tables are shown: the one requested, ours, or all."""
    if mode:
        return [mode]
    ours = {summary.mode for summary in summaries}
    # MotionRAG's is of no benchmark's lists: it goes with evaluations by its own metric.
    measured = {mean.metric for each in summaries for row in each.methods for mean in row.means}
    motion = [MOTION] if ACTION in measured else []
    return [each for each in MODES if each in ours or not summaries] + motion


def _sort_key(table: Table) -> tuple[bool, int, bool]:
    """Sorts by mode, ours before published; published tables of other settings come last."""
    ours = any(entry.evaluation for entry in table.entries)
    modes = [*MODES, None, MOTION]
    return not (ours or table.standard), modes.index(table.mode), not ours


def _own_tables(
    summaries: Sequence[Summary], measured: Evaluations, sort: str | None
) -> Iterator[Table]:
    """Yields the tables of one benchmark and mode, with published rows where they compare."""
    standard = [summary for summary in summaries if not published_mismatches(summary)]
    other = [summary for summary in summaries if summary not in standard]
    for part, comparable in ((standard, True), (other, False)):
        for group in group_comparable(part):
            yield _group_table(group, measured, comparable, sort)


def _group_table(
    group: Sequence[Summary], measured: Evaluations, comparable: bool, sort: str | None
) -> Table:
    """Returns the table of evaluations that compare with each other."""
    first = group[0]
    standard = [t for t in read_published_tables(first.mode or "") if t.standard and comparable]
    entries = [
        entry
        for summary in group
        for entry in summary_entries(
            summary,
            leak_warning(summary),
            Counter(measured[summary.evaluation].changed.values()),
            measured[summary.evaluation].condition,
        )
    ]
    columns = [column for summary in group for column in summary_columns(summary)]
    for published in standard:
        entries += published_entries(published)
        columns += published_columns(published)
    title = _table_title(first) + (", with published scores" if standard else "")
    source = standard[0].source if standard else None
    switches = list_switches(first)
    for summary in group:
        switches |= list_versions(summary)  # evaluations of earlier versions lack some
    table = build_table(title, first.mode, entries, columns, sort, source=source, switches=switches)
    return replace(table, notes=tuple(list_notes(group, measured, table)))


def _table_title(summary: Summary) -> str:
    name = f"{summary.mode.capitalize()} mode" if summary.mode else "No benchmark"
    unusual = ", ".join(f"{name} {value}" for name, value in unusual_switches(summary).items())
    return f"{name} · {unusual}" if unusual else name


def _published_tables(
    mode: str, reasons: Sequence[str], merged: bool, sort: str | None
) -> Iterator[Table]:
    """Yields a mode's published tables, except the one that was merged with ours."""
    for published in read_published_tables(mode):
        if published.standard and merged:
            continue
        notes = [published.note] if published.note else []
        if published.standard and reasons:
            unique = list(dict.fromkeys(reasons))
            more = len(unique) - MAX_REASONS
            listed = "; ".join(unique[:MAX_REASONS]) + (f"; and {more} more" if more > 0 else "")
            notes.append(f"Not ranked with ours: {listed}.")
        yield build_table(
            f"{mode.capitalize()} mode, published: {published.title}", mode,
            published_entries(published), published_columns(published), sort,
            source=published.source, standard=published.standard, notes=tuple(notes),
        )  # fmt: skip

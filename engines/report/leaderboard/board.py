"""The leaderboard of a store: which evaluations are shown, in which tables, beside which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from data.errors import UserError
from data.runs.evaluations import Summary, read_summary, videos
from data.runs.published import LABELS, MODES, published
from data.store import layout
from data.workspace import Workspace
from engines.report.leaderboard.comparable import (
    groups,
    made_with,
    refuse_mixed,
    switched,
    switches,
    unlike_published,
)
from engines.report.leaderboard.table import (
    Table,
    check_sort,
    columns_of,
    entries_of,
    published_columns,
    published_entries,
    table,
)

REASONS = 3  # that a heading names


@dataclass(frozen=True, slots=True)
class Board:
    """All tables in the order in which they are shown, and the evaluations in them."""

    tables: tuple[Table, ...]
    summaries: tuple[Summary, ...]


def board(
    workspace: Workspace, named: Sequence[str] = (), mode: str | None = None,
    sort: str | None = None, group: bool = False,
) -> Board:  # fmt: skip
    """The named evaluations, or all of the store, of a mode or of any, and what was published.

    A UserError where some were made with different switches, and no table of its own for each lot
    (`group`) was asked for; and where no column is named `sort`.
    """
    found = [summary for summary in _found(workspace, named) if mode in (None, summary.mode)]
    lots: dict[tuple[str | None, str | None], list[Summary]] = {}
    for summary in found:
        lots.setdefault((summary.mode, summary.benchmark), []).append(summary)
    tables: list[Table] = []
    for some in lots.values():
        if not group:
            refuse_mixed(some)
        tables += _ours(workspace, some, sort)
    for each in _modes(found, mode):
        merged = any(made.source and made.mode == each for made in tables)
        reasons = [
            r for summary in found if summary.mode == each for r in unlike_published(summary)
        ]
        tables += _published(each, reasons, merged, sort)
    tables.sort(key=_place)
    check_sort(sort, (column for each in tables for column in each.columns))
    return Board(tuple(tables), tuple(found))


def _modes(found: Sequence[Summary], mode: str | None) -> list[str]:
    """Whose published tables are shown: of what is asked for, of what was evaluated, or all."""
    if mode:
        return [mode]
    there = {summary.mode for summary in found}
    return [each for each in MODES if each in there or not found]


def _place(made: Table) -> tuple[bool, int, bool]:
    """Mode by mode, ours before what was published; published tables of other settings last."""
    ours = any(entry.evaluation for entry in made.entries)
    modes = [*MODES, None]
    return not (ours or made.standard), modes.index(made.mode), not ours


def _found(workspace: Workspace, named: Sequence[str]) -> Iterator[Summary]:
    """The newest first, where none is named."""
    store = workspace.store
    there = [f for f in store.names(layout.EVALUATIONS) if store.exists(f"{f}/summary.json")]
    ids = [folder.rpartition("/")[2] for folder in there]
    for name in dict.fromkeys(named):
        fits = [id for id in ids if id.startswith(name)]
        if len(fits) > 1 and name not in fits:
            raise UserError(f"{name!r} begins {len(fits)} evaluations: give more of its digits")
        yield read_summary(store, name if len(fits) != 1 else fits[0])
    if not named:
        yield from sorted((read_summary(store, id) for id in ids), key=_made, reverse=True)


def _made(summary: Summary) -> str:
    return summary.made


def _ours(workspace: Workspace, some: Sequence[Summary], sort: str | None) -> Iterator[Table]:
    """Tables of evaluations of one benchmark and mode, with published rows where these compare."""
    alike = [summary for summary in some if not unlike_published(summary)]
    other = [summary for summary in some if summary not in alike]
    for part, comparable in ((alike, True), (other, False)):
        for lot in groups(part):
            yield _lot(workspace, lot, comparable, sort)


def _lot(workspace: Workspace, lot: Sequence[Summary], comparable: bool, sort: str | None) -> Table:
    """The table of evaluations that compare."""
    first = lot[0]
    standard = [t for t in published(first.mode or "") if t.standard and comparable]
    entries = [entry for summary in lot for entry in entries_of(summary, warning(summary))]
    columns = [column for summary in lot for column in columns_of(summary)]
    for each in standard:
        entries += published_entries(each)
        columns += published_columns(each)
    title = f"{_title(first)}, with published scores" if standard else _title(first)
    source = standard[0].source if standard else None
    said = switches(first) | {k: v for summary in lot for k, v in made_with(summary).items()}
    made = table(title, first.mode, entries, columns, sort, source=source, switches=said)
    return replace(made, notes=tuple(_notes(workspace, lot, made)))


def _title(summary: Summary) -> str:
    name = f"{summary.mode.capitalize()} mode" if summary.mode else "No benchmark"
    unusual = ", ".join(f"{name} {value}" for name, value in switched(summary).items())
    return f"{name} · {unusual}" if unusual else name


def warning(summary: Summary) -> str | None:
    """What the leak guard found, in a line; None where it found nothing or was not asked."""
    if not summary.leaks:
        return None
    clips = len({leak.clip for leak in summary.leaks})
    exact = len({leak.clip for leak in summary.leaks if leak.kind == "exact"})
    said = f"{clips:,} clip{'s' if clips > 1 else ''} of the benchmark lie in the bank of"
    return f"{said} {summary.guarded} ({exact} exact, {clips - exact} near)"


def _notes(workspace: Workspace, lot: Sequence[Summary], made: Table) -> Iterator[str]:
    """What a reader of the table must know besides."""
    for summary in lot:
        if said := warning(summary):
            yield f"⚑ {summary.evaluation}: {said}."
        elif summary.guarded:
            yield f"No clip of {summary.evaluation} lies in the bank of {summary.guarded}."
    absent = {m: why for e in made.entries for m, c in e.cells.items() if (why := c.why)}
    for metric, why in absent.items():
        yield f"{LABELS.get(metric, metric)} is absent: {why}."
    sets: dict[tuple[str, str], set[str]] = {}
    for summary in lot:
        for row in videos(workspace.store, summary.evaluation):
            sets.setdefault((summary.evaluation, row["method"]), set()).add(row["clip"])
    if len({frozenset(some) for some in sets.values()}) > 1:
        yield "Not all methods were measured on the same clips."


def _published(
    mode: str, reasons: Sequence[str], merged: bool, sort: str | None
) -> Iterator[Table]:
    """The published tables of a mode, but for the one that ours are in."""
    for each in published(mode):
        if not (each.standard and merged):
            notes = [each.note] if each.note else []
            if each.standard and reasons:
                unlike = list(dict.fromkeys(reasons))
                more = f"; and {len(unlike) - REASONS} more" if len(unlike) > REASONS else ""
                notes.append(f"Not ranked with ours: {'; '.join(unlike[:REASONS])}{more}.")
            yield table(
                f"{mode.capitalize()} mode, published: {each.title}", mode, published_entries(each),
                published_columns(each), sort, source=each.source,
                standard=each.standard, notes=tuple(notes),
            )  # fmt: skip

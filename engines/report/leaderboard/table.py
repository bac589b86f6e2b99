"""The leaderboard: tables of methods, ours and published ones, ranked where they compare."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data.errors import UserError
from data.runs.evaluations import MethodResult, Summary
from data.runs.published import LABELS, PublishedRow, PublishedTable

LEADING = ("subject_dino_similarity", "arcface_similarity")  # tables are ranked by, where they can


@dataclass(frozen=True, slots=True)
class Cell:
    """A mean of `n` videos with its interval; both are unknown of a published one.

    `value` is None where `why` says so, or where nothing is said at all.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unmeasured: int = 0
    why: str | None = None

    @property
    def shown(self) -> str:
        """Three decimals, or a dash."""
        return "–" if self.value is None else f"{self.value:.3f}"


@dataclass(frozen=True, slots=True)
class Column:
    """A metric, how it is headed, and which way is good."""

    metric: str
    label: str
    better: str = "higher"


@dataclass(frozen=True, slots=True)
class Entry:
    """A method's line; `evaluation` is None of a published one.

    `warning` says how many of its clips the bank has that its videos were conditioned from.
    """

    method: str
    cells: Mapping[str, Cell]
    evaluation: str | None = None
    kind: str | None = None
    videos: int | None = None
    failed: int = 0
    dropped: int = 0
    frames: int | None = None
    size: str | None = None
    fps: float | None = None
    references: str | None = None
    background: bool | None = None
    warning: str | None = None

    def cell(self, metric: str) -> Cell:
        """What is known of the metric: an empty cell where it was not asked for."""
        return self.cells.get(metric, Cell())


@dataclass(frozen=True, slots=True)
class Table:
    """Methods that compare, best first by the metric `by`; `notes` say what else to know.

    `source` is where the published ones among them are from, `standard` whether these are the
    benchmark's own.
    """

    title: str
    mode: str | None
    columns: tuple[Column, ...]
    entries: tuple[Entry, ...]
    by: str
    source: str | None = None
    standard: bool = False
    switches: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def best(self, metric: str, entry: Entry) -> bool:
        """Whether none of several values of the column is better, as shown."""
        better = next(column.better for column in self.columns if column.metric == metric)
        values = [
            c.value for c in (each.cell(metric) for each in self.entries) if c.value is not None
        ]
        value = entry.cell(metric).value
        if value is None or len(values) < 2:
            return False
        top = max(values) if better == "higher" else min(values)
        return f"{value:.3f}" == f"{top:.3f}"


def table(
    title: str, mode: str | None, entries: Iterable[Entry], columns: Iterable[Column],
    sort: str | None = None, **said: object,
) -> Table:  # fmt: skip
    """The entries ranked by a metric, its name or heading; those without it last."""
    shown = in_order(columns)
    by = _by(shown, sort)
    sign = 1 if by.better == "lower" else -1

    def rank(entry: Entry) -> tuple[bool, float]:
        value = entry.cell(by.metric).value
        return value is None, sign * (value or 0.0)

    ranked = tuple(sorted(entries, key=rank))
    return Table(title, mode, shown, ranked, by.metric, **said)  # type: ignore[arg-type]


def check_sort(sort: str | None, columns: Iterable[Column]) -> None:
    """A UserError where no column has this name or heading."""
    known = in_order(columns)
    if sort is not None and not any(_named(column, sort) for column in known):
        names = ", ".join(f"{column.metric} ({column.label})" for column in known)
        raise UserError(f"no column {sort!r} to sort by: there are {names or 'none'}")


def columns_of(summary: Summary) -> list[Column]:
    """A column for each metric that was measured, or asked for in vain."""
    found = {
        m.metric: Column(m.metric, m.label, m.better) for r in summary.methods for m in r.means
    }
    for metric in {metric: None for r in summary.methods for metric in r.absent}:
        found.setdefault(metric, Column(metric, LABELS.get(metric, metric)))
    return list(found.values())


def in_order(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Each once, those of the benchmark first and in its order."""
    each = {column.metric: column for column in columns}
    known = [each.pop(metric) for metric in LABELS if metric in each]
    return (*known, *sorted(each.values(), key=lambda column: column.metric))


def entries_of(summary: Summary, warning: str | None = None) -> list[Entry]:
    """A line for each method of an evaluation."""
    return [_entry(summary, method, warning) for method in summary.methods]


def published_columns(said: PublishedTable) -> list[Column]:
    """Those of the metrics that any row has."""
    return [Column(m, LABELS[m]) for m in LABELS if any(m in row.scores for row in said.rows)]


def published_entries(said: PublishedTable) -> list[Entry]:
    """A line for each row, with the settings of its table."""
    return [_published(said, row) for row in said.rows]


def _entry(summary: Summary, method: MethodResult, warning: str | None) -> Entry:
    cells = {m.metric: Cell(m.mean, m.low, m.high, m.n, m.unmeasured) for m in method.means}
    cells |= {metric: Cell(why=why) for metric, why in method.absent.items()}
    return Entry(
        method.method, cells, summary.evaluation, None, method.videos, method.failed,
        method.dropped, method.frames, method.size, method.fps, warning=warning,
    )  # fmt: skip


def _published(said: PublishedTable, row: PublishedRow) -> Entry:
    cells = {metric: Cell(value) for metric, value in row.scores.items()}
    return Entry(
        row.method, cells, kind=row.kind, frames=row.frames, size=row.size, fps=row.fps,
        references=said.references, background=said.background,
    )  # fmt: skip


def _by(columns: Sequence[Column], sort: str | None) -> Column:
    asked = [column for column in columns if sort is not None and _named(column, sort)]
    leading = [column for column in columns if column.metric in LEADING]
    return [*asked, *leading, *columns, Column("", "")][0]


def _named(column: Column, name: str) -> bool:
    return name.lower() in (column.metric, column.label.lower())

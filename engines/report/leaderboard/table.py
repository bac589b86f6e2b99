"""Tables of the leaderboard: methods, ours and published ones, ranked by a metric."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from data.errors import UserError
from data.runs.evaluations import MethodResult, Summary
from data.runs.published import COLUMNS, LABELS, PublishedRow, PublishedTable, list_columns

# Fidelity to the subject or the face is what the benchmark is about: tables are ranked by it.
LEADING_METRICS = ("subject_dino_similarity", "arcface_similarity")


@dataclass(frozen=True, slots=True)
class Cell:
    """The mean of `n` videos with its 95 % interval; published means have neither.

    If `value` is None, `why` says why the metric is absent, unless it was not requested at all.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unmeasured: int = 0
    why: str | None = None

    @property
    def text(self) -> str:
        """Three decimals, or a dash."""
        return "–" if self.value is None else f"{self.value:.3f}"


@dataclass(frozen=True, slots=True)
class Column:
    """A metric, its heading, and whether "higher" or "lower" is better."""

    metric: str
    label: str
    better: str = "higher"


@dataclass(frozen=True, slots=True)
class Entry:
    """One method's line; `evaluation` is None for a published method.

    `warning` says how many benchmark clips are in the index that conditioned its videos, `changed`
    how many videos are not those that were measured any more; `condition` is that of an
    experiment's run, as "ordered k=2".
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
    changed: int = 0
    condition: str | None = None

    @property
    def name(self) -> str:
        """The method, with its condition if it is one of an experiment's runs."""
        return f"{self.method} ({self.condition})" if self.condition else self.method

    def cell(self, metric: str) -> Cell:
        """Returns the metric's cell, an empty one if it was not requested."""
        return self.cells.get(metric, Cell())


@dataclass(frozen=True, slots=True)
class Table:
    """Methods that compare, best first by the metric `by`, with notes for the reader.

    `source` is where the published methods are from; `standard` says whether they were measured
    under the benchmark's own settings.
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

    def is_best(self, metric: str, entry: Entry) -> bool:
        """Whether no other value of the column is better; False if there is only one value."""
        better = next(column.better for column in self.columns if column.metric == metric)
        values = [
            c.value for c in (each.cell(metric) for each in self.entries) if c.value is not None
        ]
        value = entry.cell(metric).value
        if value is None or len(values) < 2:
            return False
        # Compared as shown: two methods that both read 0.900 are both bold.
        top = max(values) if better == "higher" else min(values)
        return f"{value:.3f}" == f"{top:.3f}"


def build_table(
    title: str, mode: str | None, entries: Iterable[Entry], columns: Iterable[Column],
    sort: str | None = None, **fields: object,
) -> Table:  # fmt: skip
    """Ranks entries by a metric (its name or heading); entries without a value come last."""
    ordered = sort_columns(columns)
    by = _rank_column(ordered, sort)
    sign = 1 if by.better == "lower" else -1

    # A pair, since None cannot be compared with a number.
    def rank_key(entry: Entry) -> tuple[bool, float]:
        value = entry.cell(by.metric).value
        return value is None, sign * (value or 0.0)

    ranked = tuple(sorted(entries, key=rank_key))
    return Table(title, mode, ordered, ranked, by.metric, **fields)  # type: ignore[arg-type]


def check_sort(sort: str | None, columns: Iterable[Column]) -> None:
    """Raises a UserError listing the columns if none has this name or heading."""
    known = sort_columns(columns)
    if sort is not None and not any(_matches_name(column, sort) for column in known):
        names = ", ".join(f"{column.metric} ({column.label})" for column in known)
        raise UserError(f"no column {sort!r} to sort by; columns: {names or 'none'}")


def summary_columns(summary: Summary) -> list[Column]:
    """Returns a column for each metric that was requested, measured or not."""
    columns = {
        m.metric: Column(m.metric, m.label, m.better) for r in summary.methods for m in r.means
    }
    for metric in {metric: None for r in summary.methods for metric in r.absent}:
        columns.setdefault(metric, Column(metric, LABELS.get(metric, metric)))
    return list(columns.values())


def sort_columns(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Orders distinct columns: the benchmark's in its own order, then the others by name."""
    each = {column.metric: column for column in columns}
    known = [each.pop(metric) for metric in COLUMNS if metric in each]
    return (*known, *sorted(each.values(), key=lambda column: column.metric))


def summary_entries(
    summary: Summary, warning: str | None, changed: Mapping[str, int], condition: str | None = None
) -> list[Entry]:
    """Returns an entry for each method of an evaluation; `changed` counts videos by method."""
    built = [_build_entry(summary, method, warning) for method in summary.methods]
    return [replace(e, changed=changed.get(e.method, 0), condition=condition) for e in built]


def published_columns(published: PublishedTable) -> list[Column]:
    """Returns a column for each metric that any row of a published table has."""
    return [Column(*column) for column in list_columns(published)]


def published_entries(published: PublishedTable) -> list[Entry]:
    """Returns an entry for each row of a published table, with the table's settings."""
    return [_build_published(published, row) for row in published.rows]


def _build_entry(summary: Summary, method: MethodResult, warning: str | None) -> Entry:
    cells = {m.metric: Cell(m.mean, m.low, m.high, m.n, m.unmeasured) for m in method.means}
    # A reason for absence wins over an empty mean.
    cells |= {metric: Cell(why=why) for metric, why in method.absent.items()}
    return Entry(
        method.method, cells, summary.evaluation, None, method.videos, method.failed,
        method.dropped, method.frames, method.size, method.fps, warning=warning,
    )  # fmt: skip


def _build_published(published: PublishedTable, row: PublishedRow) -> Entry:
    cells = {metric: Cell(value) for metric, value in row.scores.items()}
    return Entry(
        row.method, cells, kind=row.kind, frames=row.frames, size=row.size, fps=row.fps,
        references=published.references, background=published.background,
    )  # fmt: skip


def _rank_column(columns: Sequence[Column], sort: str | None) -> Column:
    requested = [column for column in columns if sort is not None and _matches_name(column, sort)]
    leading = [column for column in columns if column.metric in LEADING_METRICS]
    # A table whose methods measured nothing has no column at all.
    return [*requested, *leading, *columns, Column("", "")][0]


def _matches_name(column: Column, name: str) -> bool:
    return name.lower() in (column.metric, column.label.lower())

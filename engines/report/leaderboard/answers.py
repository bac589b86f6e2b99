"""Tables of answers: runs beside published accuracies of the same questions, frames and texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.runs.published import (
    ANSWER_LABELS,
    QUESTION_COUNTS,
    PublishedRow,
    PublishedTable,
    read_published_tables,
)
from engines.evaluate.answers.accuracy import Accuracies, Accuracy
from engines.report.leaderboard.board import Board
from engines.report.leaderboard.table import (
    Cell,
    Column,
    Entry,
    Table,
    build_table,
    check_sort,
    published_columns,
    published_entries,
)

RANKED_BY = "overall"
MODELS_NOTE = (
    "Published texts are by Whisper large, EasyOCR and APE, found by Contriever; published scripts"
    " may leave out replies that they cannot read, which count as wrong in ours."
)


@dataclass(frozen=True, slots=True)
class AnsweredRun:
    """A run of answers by its record, what it comes to, and the digest of its questions."""

    record: Mapping[str, Any]
    accuracies: Accuracies
    questions: str

    @property
    def frames(self) -> str:
        """How many frames the model saw of a video, and how they were chosen if not evenly."""
        spec = self.record["spec"]
        chosen = "" if spec["sampling"] == "uniform" else f" by {spec['sampling']}"
        return f"{spec['frames']}{chosen}"

    @property
    def texts(self) -> str:
        """From which texts it answered: those that there were, not those that were asked for."""
        spec, found = self.record["spec"], self.record["texts"]
        kinds = {kind for kind in spec["kinds"] if kind in found}
        kinds |= {"objects"} if spec["detector"] else set()
        if spec["texts"] == "none" or not kinds:
            return "none"
        # Not the published rule: other texts are found.
        best = "best " if (spec["texts"], spec["rule"]) == ("retrieved", "best") else ""
        return f"{best}{spec['texts']}: {', '.join(sorted(kinds))}"

    @property
    def setting(self) -> tuple[str, str]:
        """What published scores have to share: frames and texts."""
        return self.frames, self.texts


Published = dict[tuple[str, str], list[PublishedTable]]  # parts of tables, by frames and texts


def build_answers_board(mode: str, runs: Sequence[AnsweredRun], sort: str | None = None) -> Board:
    """The tables of a benchmark of answers, ours first; each is of one setting alone.

    A run is ranked with published scores only if it is of the whole benchmark and its frames and
    texts are theirs; else a note says what differs. Raises a UserError if there is no column
    `sort`.
    """
    published = _split_published(mode)
    groups: dict[tuple[str, ...], list[AnsweredRun]] = {}
    for run in runs:
        groups.setdefault((*run.setting, run.questions), []).append(run)
    tables, merged = [], set[tuple[str, str]]()
    for group in groups.values():
        reasons = find_mismatches(mode, group[0], published)
        beside = [] if reasons else published[group[0].setting]
        merged |= set() if reasons else {group[0].setting}
        tables.append(_build_own(mode, group, beside, reasons, sort))
    tables += [
        _build_table(mode, setting, [], parts, sort)
        for setting, parts in published.items()
        if setting not in merged
    ]
    check_sort(sort, (column for table in tables for column in table.columns))
    return Board(tuple(tables), (), {})


def find_mismatches(mode: str, run: AnsweredRun, published: Published) -> list[str]:
    """Lists why a run does not compare with published scores; empty if it does."""
    total, counted = QUESTION_COUNTS[mode], run.accuracies.micro.counted
    reasons = []
    if counted != total:
        reasons.append(f"{counted:,} questions, published {total:,}")
    frames, texts = f"{run.frames} frames", f"texts {run.texts}"
    reasons += [f"no published score has {frames}"] * all(run.frames != f for f, _ in published)
    reasons += [f"no published score has {texts}"] * all(run.texts != t for _, t in published)
    if not reasons and run.setting not in published:
        reasons.append(f"no published score has both {frames} and {texts}")
    return reasons


def _split_published(mode: str) -> Published:
    """The rows of a benchmark's published tables by their setting, in the order of the tables."""
    parts: Published = {}
    for table in read_published_tables(mode):
        for setting in dict.fromkeys(map(_name_setting, table.rows)):
            rows = tuple(row for row in table.rows if _name_setting(row) == setting)
            parts.setdefault(setting, []).append(replace(table, rows=rows))
    return parts


def _name_setting(row: PublishedRow) -> tuple[str, str]:
    return "unknown" if row.frames is None else str(row.frames), row.texts or "unknown"


def _build_own(
    mode: str, group: Sequence[AnsweredRun], beside: Sequence[PublishedTable],
    reasons: Sequence[str], sort: str | None,
) -> Table:  # fmt: skip
    """The table of runs that compare with each other, and with published rows if any."""
    table = _build_table(mode, group[0].setting, group, beside, sort)
    notes = [f"Not ranked with published scores: {'; '.join(reasons)}."] if reasons else []
    for run in group:
        if failed := sum(run.record["failed"].values()):
            notes.append(f"{run.record['run']}: {failed:,} questions failed and count as wrong.")
    return replace(table, notes=(*table.notes, *notes, *([MODELS_NOTE] if beside else ())))


def _build_table(
    mode: str, setting: tuple[str, str], runs: Sequence[AnsweredRun],
    published: Sequence[PublishedTable], sort: str | None,
) -> Table:  # fmt: skip
    entries = [_build_entry(run) for run in runs]
    columns = [Column(m, ANSWER_LABELS[m]) for entry in entries for m in entry.cells]
    for part in published:
        entries += [replace(e, condition=part.title) for e in published_entries(part)]
        columns += published_columns(part)
    kind = " and published" if runs and published else "" if runs else ", published"
    title = f"{mode}{kind}: {setting[0]} frames, texts {setting[1]}"
    sources = "; ".join(dict.fromkeys(part.source for part in published)) or None
    notes = dict.fromkeys(f"{part.title}: {part.note}" for part in published if part.note)
    known = {name for column in columns for name in (column.metric, column.label)}
    by = sort if sort in known else RANKED_BY
    return build_table(title, mode, entries, columns, by, source=sources, notes=tuple(notes))


def _build_entry(run: AnsweredRun) -> Entry:
    record, found = run.record, run.accuracies
    cells = {RANKED_BY: _build_cell(found.micro)}
    durations = {group.name: group for group in found.groups if group.group == "duration"}
    cells |= {m: _build_cell(durations[m]) for m in ANSWER_LABELS if m in durations}
    if found.macro is not None:
        cells["macro"] = Cell(found.macro)
    weights = record["spec"]["weights"]
    name = f"{record['model']} {weights}" if weights else record["model"]
    return Entry(name, cells, record["run"], frames=record["spec"]["frames"])


def _build_cell(accuracy: Accuracy) -> Cell:
    return Cell(accuracy.share, accuracy.low, accuracy.high, accuracy.counted)

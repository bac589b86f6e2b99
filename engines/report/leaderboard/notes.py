"""The notes below a table of the leaderboard: what a reader must know to judge it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.runs.evaluations import TOO_FEW, Summary
from data.runs.published import LABELS
from engines.report.leaderboard.table import Table

MAX_REASONS = 3  # that a note names; more would be longer than the table is wide


@dataclass(frozen=True, slots=True)
class Measured:
    """What an evaluation measured: the clips that have a score, by method and metric.

    `changed` are the videos whose content is not the measured one any more, with their methods;
    `condition` is the experiment's condition that the evaluated run has.
    """

    clips: Mapping[tuple[str, str], frozenset[str]]
    changed: Mapping[str, str]
    condition: str | None = None


Evaluations = Mapping[str, Measured]


def leak_warning(summary: Summary) -> str | None:
    """Says how many benchmark clips the leak guard found; None if none, or if it did not run."""
    if not summary.leaks:
        return None
    clips = len({leak.clip for leak in summary.leaks})
    exact = len({leak.clip for leak in summary.leaks if leak.kind == "exact"})
    counts = f"{clips:,} clip{' of the benchmark is' if clips == 1 else 's of the benchmark are'}"
    return f"{counts} in the index of {summary.guarded} ({exact} exact, {clips - exact} near)"


def list_notes(group: Sequence[Summary], measured: Evaluations, table: Table) -> Iterator[str]:
    """Yields what a reader must know to judge the table: leaks, absent metrics, unequal clips."""
    for summary in group:
        if changed := measured[summary.evaluation].changed:
            yield _describe_changed(summary, sorted(changed))
        if warning := leak_warning(summary):
            yield f"⚑ {summary.evaluation}: {warning}."
        elif summary.guarded:
            yield f"No clip of {summary.evaluation} is in the index of {summary.guarded}."
    # By metric: several methods that lack one for the same reason get one note.
    absent = {m: why for e in table.entries for m, c in e.cells.items() if (why := c.why)}
    for metric, why in absent.items():
        yield f"{LABELS.get(metric, metric)} is absent: {why}."
    sets: dict[str, set[frozenset[str]]] = {}
    for summary in group:
        for (_, metric), clips in measured[summary.evaluation].clips.items():
            sets.setdefault(metric, set()).add(clips)
    if unequal := [c.label for c in table.columns if len(sets.get(c.metric, ())) > 1]:
        yield f"Not all methods have a score on the same clips: {', '.join(unequal)}."
    own = [cell for each in table.entries if each.evaluation for cell in each.cells.values()]
    if any(cell.value is not None and cell.low is None for cell in own):
        yield f"Means over {TOO_FEW} clips have no interval."


def _describe_changed(summary: Summary, ids: Sequence[str]) -> str:
    more = len(ids) - MAX_REASONS
    names = ", ".join(ids[:MAX_REASONS]) + (f" and {more:,} more" if more > 0 else "")
    videos = "1 video has" if len(ids) == 1 else f"{len(ids):,} videos have"
    return (
        f"⚑ {summary.evaluation}: {videos} changed since they were measured and count in no"
        f" mean ({names}): `reelflow evaluate {summary.source}` measures again."
    )

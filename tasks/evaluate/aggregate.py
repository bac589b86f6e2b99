"""What the rows of an evaluation come to, method by method: the same whoever made the rows."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

import numpy as np

from data.errors import UserError
from data.runs.evaluation_plans import Evaluation
from data.runs.evaluations import Mean, MethodResult, Summary, videos
from data.workspace import Workspace
from engines.base import plugin
from engines.evaluate.statistics import interval

FIRST = 3  # reasons that an error names

Rows = Sequence[dict[str, Any]]


def in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of either table, in the order of method, clip, and what else they tell apart."""
    keys = ("method", "clip", "id", "metric", "subject")
    return sorted(rows, key=lambda row: [row.get(key) or "" for key in keys])


def method_results(asked: Evaluation, seen: Rows, measures: Rows) -> tuple[MethodResult, ...]:
    """Each method's means and counts, from rows in order."""
    found = {name: list(some) for name, some in groupby(measures, lambda row: row["method"])}
    return tuple(
        _result(asked, method, list(some), found.get(method, []))
        for method, some in groupby(seen, lambda row: row["method"])
    )


def _result(asked: Evaluation, method: str, rows: Rows, measures: Rows) -> MethodResult:
    seen = [row for row in rows if row["reason"] is None]
    whole = [row for row in measures if row["subject"] is None]
    dropped = asked.dropped.get(method, 0)
    sizes = {f"{row['width']}x{row['height']}" for row in seen}
    rates = {row["fps"] for row in seen}
    return MethodResult(
        method, len(rows) + dropped, len(rows) - len(seen), dropped,
        tuple(
            _mean(name, label, better, [r["value"] for r in whole if r["metric"] == name])
            for name, label, better in _names(asked)
        ),
        asked.absent,
        size=sizes.pop() if len(sizes) == 1 else None,
        fps=rates.pop() if len(rates) == 1 else None,
        frames=max((row["frames"] for row in seen), default=None),
    )  # fmt: skip


def _names(asked: Evaluation) -> Iterable[tuple[str, str, Any]]:
    """Of everything that is measured: its name, how tables head it, and which way is good."""
    for metric in asked.versions:
        module = plugin("evaluate.metrics", metric)
        for name, better in module.Metric.better.items():
            plain = name == metric or len(module.Metric.better) == 1
            yield name, module.LABEL if plain else f"{module.LABEL}, {name}", better


def _mean(name: str, label: str, better: Any, values: Sequence[float | None]) -> Mean:
    """Exact sums, of values in order: any number of workers gives the same to the last bit."""
    known = [value for value in values if value is not None]
    without = len(values) - len(known)
    if not known:
        return Mean(name, label, better, 0, without, None, None, None)
    around = interval(np.array(known))
    mean = math.fsum(known) / len(known)
    return Mean(name, label, better, len(known), without, mean, around.low, around.high)


def means(summary: Summary) -> list[dict[str, Any]]:
    """A row for each metric of each method, as tables show it."""
    return [
        {"method": each.method, "videos": each.videos, "failed": each.failed} | asdict(mean)
        for each in summary.methods
        for mean in each.means
    ]


def counts(summary: Summary) -> dict[str, Any]:
    """Of all methods together: what was asked, how many videos, how many of them failed."""
    return {
        "evaluation": summary.evaluation,
        "source": summary.source,
        "videos": sum(each.videos - each.dropped for each in summary.methods),
        "failed": sum(each.failed for each in summary.methods),
    }


def refuse_nothing(workspace: Workspace, summary: Summary) -> None:
    """A UserError where not one video could be measured."""
    if any(method.failed + method.dropped < method.videos for method in summary.methods):
        return
    rows = list(videos(workspace.store, summary.evaluation))
    reasons = Counter(f"{row['reason']}: {row['detail']}" for row in rows)
    said = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common(FIRST))
    raise UserError(f"none of {len(rows)} videos could be measured ({said})")

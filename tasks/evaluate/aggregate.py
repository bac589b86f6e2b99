"""Aggregates the rows of an evaluation into means and counts for each method.

The result depends on the rows alone, not on the workers that made them or their order.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from data.runs.evaluation_plans import Evaluation
from data.runs.evaluations import Mean, MethodResult, Summary, read_videos
from data.workspace import Workspace
from engines.base import load_plugin
from engines.evaluate.statistics import estimate_mean
from tasks.success import require_success

MAX_DETAILS = 3  # failures that an error names

Rows = Sequence[dict[str, Any]]


def sort_rows(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sorts measures or videos by method, clip, id, metric and subject."""
    keys = ("method", "clip", "id", "metric", "subject")
    return sorted(rows, key=lambda row: [row.get(key) or "" for key in keys])


def summarize_methods(
    evaluation: Evaluation, videos: Rows, measures: Rows
) -> tuple[MethodResult, ...]:
    """The means and counts of each method; both lists of rows must be sorted by `sort_rows`."""
    by_method = itemgetter("method")
    measures_of = {method: list(rows) for method, rows in groupby(measures, by_method)}
    return tuple(
        _summarize_method(evaluation, method, list(rows), measures_of.get(method, []))
        for method, rows in groupby(videos, by_method)
    )


def _summarize_method(
    evaluation: Evaluation, method: str, rows: Rows, measures: Rows
) -> MethodResult:
    scored = [row for row in rows if row["reason"] is None]
    # Rows of single subjects explain a video's score; only its own row enters the mean.
    whole = [row for row in measures if row["subject"] is None]
    dropped = evaluation.dropped.get(method, 0)
    sizes = {f"{row['width']}x{row['height']}" for row in scored}
    rates = {row["fps"] for row in scored}
    return MethodResult(
        method, len(rows) + dropped, len(rows) - len(scored), dropped,
        tuple(
            compute_mean(name, label, better, [row for row in whole if row["metric"] == name])
            for name, label, better in _list_metrics(evaluation)
        ),
        evaluation.absent,
        size=sizes.pop() if len(sizes) == 1 else None,
        fps=rates.pop() if len(rates) == 1 else None,
        frames=max((row["frames"] for row in scored), default=None),
    )  # fmt: skip


def _list_metrics(evaluation: Evaluation) -> Iterable[tuple[str, str, Any]]:
    """Yields each measured score: its name, its heading in tables, and which way is better."""
    for metric in evaluation.versions:
        module = load_plugin("evaluate.metrics", metric)
        for name, better in module.Metric.better.items():
            is_only = name == metric or len(module.Metric.better) == 1
            # Of `dynamic_degree_flow`, the flow: the label says the rest.
            part = name.removeprefix(f"{metric}_").replace("_", " ")
            yield name, module.LABEL if is_only else f"{module.LABEL}, {part}", better


def compute_mean(name: str, label: str, better: Any, rows: Rows) -> Mean:
    """The mean of a metric's known values with its interval, and how many are unknown."""
    # Sorted values and an exact sum: any number of workers gives the same mean to the last bit.
    known = [row["value"] for row in rows if row["value"] is not None]
    without = len(rows) - len(known)
    if not known:
        return Mean(name, label, better, 0, without, None, None, None, 0)
    clips = [row["clip"] for row in rows if row["value"] is not None]
    found, mean = estimate_mean(np.array(known), clips), math.fsum(known) / len(known)
    return Mean(name, label, better, len(known), without, mean, found.low, found.high, found.units)


def recompute_means(summary: Summary, measures: Rows) -> Summary:
    """The summary with its means computed anew from the rows that it was made of."""
    whole = [row for row in measures if row["subject"] is None]

    def compute(method: str, mean: Mean) -> Mean:
        key = method, mean.metric
        rows = [row for row in whole if (row["method"], row["metric"]) == key]
        return compute_mean(mean.metric, mean.label, mean.better, rows)

    methods = tuple(
        replace(each, means=tuple(compute(each.method, mean) for mean in each.means))
        for each in summary.methods
    )
    return replace(summary, methods=methods)


def list_means(summary: Summary) -> list[dict[str, Any]]:
    """A row for each metric of each method, as tables show it."""
    return [
        {"method": each.method, "videos": each.videos, "failed": each.failed} | asdict(mean)
        for each in summary.methods
        for mean in each.means
    ]


def count_videos(summary: Summary) -> dict[str, Any]:
    """The evaluation and its source, with the videos of all methods and how many failed."""
    return {
        "evaluation": summary.evaluation,
        "source": summary.source,
        "videos": sum(each.videos - each.dropped for each in summary.methods),
        "failed": sum(each.failed for each in summary.methods),
    }


def describe_rates(summary: Summary) -> str | None:
    """A note where frame rates differ within a method or between methods, else None."""
    rates = {
        each.method: "mixed" if each.fps is None else f"{each.fps:g}"
        for each in summary.methods
        if each.frames
    }
    if "mixed" not in rates.values() and len(set(rates.values())) < 2:
        return None
    shown = ", ".join(f"{method} {rate}" for method, rate in rates.items())
    return f"frame rates differ ({shown}): motion is compared at different speeds"


def require_any_video(workspace: Workspace, summary: Summary) -> None:
    """Raises a UserError where videos were tried and not one of them could be measured."""
    done = sum(each.videos - each.failed - each.dropped for each in summary.methods)
    rows = [] if done else list(read_videos(workspace.store, summary.evaluation))
    details = Counter(row["detail"] for row in rows).most_common(MAX_DETAILS)
    detail = "; ".join(f"{count:,} × {text}" for text, count in details)
    require_success("video", done, Counter(row["reason"] for row in rows), detail)

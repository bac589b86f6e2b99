"""Files that an evaluation leaves for others: rows a video, and the published evaluator's JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.catalog.database import sql
from data.catalog.merge_summaries import sync_evaluations
from data.errors import UserError
from data.runs.evaluations import MethodResult, Summary, scores, videos
from data.store.storage import Store
from data.workspace import Workspace
from engines.report.html import put
from tasks.outputs import here, output

PER_VIDEO = pa.schema(
    {
        "clip": pa.string(),
        "method": pa.string(),
        "metric": pa.string(),
        "value": pa.float64(),
        "reason": pa.string(),
    }
)
# What the published evaluator calls each metric.
KEYS = {
    "text_clip_similarity": "text_clip_similarity",
    "video_clip_similarity": "video_clip_similarity",
    "subject_dino_similarity": "subject_dino_similarity",
    "arcface_similarity": "arcface_similarity",
    "dynamic_degree": "dynamic_degree_score",
    "temporal_consistency": "temporal_consistency_score",
}


def write_per_video(store: Store, summary: Summary, path: str) -> None:
    """A Parquet row for each video and metric; a video that failed has rows with its reason."""
    rows = sorted(
        [*_measured(store, summary), *_failed(store, summary)],
        key=lambda row: (row["method"], row["clip"], row["metric"]),
    )
    table = pa.Table.from_pylist(rows, PER_VIDEO)
    with output(path) as file:
        put(file, lambda draft: pq.write_table(table, draft))


def reference(method: MethodResult) -> dict[str, float]:
    """The flat object of the published evaluator, in its own names; what has no mean is not in."""
    return {
        KEYS[mean.metric]: mean.mean
        for mean in method.means
        if mean.metric in KEYS and mean.mean is not None
    }


def write_reference(summary: Summary, path: str) -> None:
    """Writes `reference` of the one method; never over a file that holds anything else.

    The published evaluator writes it beside the folder of videos, as `<folder>.json`.
    """
    if len(summary.methods) != 1:
        raise UserError(f"{path} holds one method, there are {len(summary.methods)}: give --method")
    file = here(path)
    if file.exists() and not _ours(file):
        raise UserError(f"{path} holds something else: remove it, or name another file")
    text = json.dumps(reference(summary.methods[0]), indent=4)
    put(file, lambda draft: draft.write_text(text))


def _ours(file: Path) -> bool:
    try:
        said = json.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.keys() <= set(KEYS.values())


def _measured(store: Store, summary: Summary) -> Iterator[dict[str, Any]]:
    for row in scores(store, summary.evaluation):
        if row["subject"] is None:
            yield {name: row[name] for name in PER_VIDEO.names}


def _failed(store: Store, summary: Summary) -> Iterator[dict[str, Any]]:
    metrics = [mean.metric for mean in summary.methods[0].means] if summary.methods else []
    for row in videos(store, summary.evaluation):
        for metric in metrics if row["reason"] else ():
            why = f"{row['reason']}: {row['detail']}"
            said = {"clip": row["clip"], "method": row["method"]}
            yield said | {"metric": metric, "value": None, "reason": why}


def listed(workspace: Workspace) -> list[dict[str, Any]]:
    """Every mean of every evaluation, the newest first."""
    with workspace.catalog() as catalog:
        sync_evaluations(catalog, workspace.store)
        return catalog.rows(sql("evaluations"))

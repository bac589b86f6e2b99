"""Exports of an evaluation: rows for each video, and the published evaluator's JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.catalog.database import load_sql
from data.catalog.merge_summaries import sync_evaluations
from data.errors import UserError
from data.runs.evaluations import MethodResult, Summary, read_scores, read_videos
from data.store.storage import Store
from data.workspace import Workspace
from engines.report.html import replace_file
from tasks.outputs import open_output, require_local

PER_VIDEO = pa.schema(
    {
        "clip": pa.string(),
        "method": pa.string(),
        "metric": pa.string(),
        "value": pa.float64(),
        "reason": pa.string(),
    }
)
# The published evaluator's name of each metric.
REFERENCE_KEYS = {
    "text_clip_similarity": "text_clip_similarity",
    "video_clip_similarity": "video_clip_similarity",
    "subject_dino_similarity": "subject_dino_similarity",
    "arcface_similarity": "arcface_similarity",
    "dynamic_degree": "dynamic_degree_score",
    "temporal_consistency": "temporal_consistency_score",
}


def write_per_video(store: Store, summary: Summary, path: str) -> None:
    """Writes a Parquet row for each video and metric; rows of failed videos have the reason."""
    rows = sorted(
        [*_list_scores(store, summary), *_list_failures(store, summary)],
        key=lambda row: (row["method"], row["clip"], row["metric"]),
    )
    table = pa.Table.from_pylist(rows, PER_VIDEO)
    with open_output(path) as file:
        replace_file(file, lambda draft: pq.write_table(table, draft))


def build_reference(method: MethodResult) -> dict[str, float]:
    """The means as the published evaluator's flat object; metrics without a mean are left out."""
    return {
        REFERENCE_KEYS[mean.metric]: mean.mean
        for mean in method.means
        if mean.metric in REFERENCE_KEYS and mean.mean is not None
    }


def write_reference(summary: Summary, path: str) -> None:
    """Writes the published evaluator's JSON of the only method, as it does in `<folder>.json`.

    A UserError where there are more methods, or the file holds anything else.
    """
    if len(summary.methods) != 1:
        raise UserError(
            f"{path} can hold one method of {len(summary.methods)}: select it with --method"
        )
    file = require_local(path)
    if file.exists() and not _is_reference(file):
        # `<folder>.json` beside videos may well be somebody's prompts or metadata.
        raise UserError(f"{path} is a file of another kind: remove it, or name another file")
    text = json.dumps(build_reference(summary.methods[0]), indent=4)
    replace_file(file, lambda draft: draft.write_text(text))


def _is_reference(file: Path) -> bool:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.keys() <= set(REFERENCE_KEYS.values())


def _list_scores(store: Store, summary: Summary) -> Iterator[dict[str, Any]]:
    for row in read_scores(store, summary.evaluation):
        if row["subject"] is None:
            yield {name: row[name] for name in PER_VIDEO.names}


def _list_failures(store: Store, summary: Summary) -> Iterator[dict[str, Any]]:
    metrics = [mean.metric for mean in summary.methods[0].means] if summary.methods else []
    for row in read_videos(store, summary.evaluation):
        for metric in metrics if row["reason"] else ():
            reason = f"{row['reason']}: {row['detail']}"
            shared = {"clip": row["clip"], "method": row["method"]}
            yield shared | {"metric": metric, "value": None, "reason": reason}


def list_evaluations(workspace: Workspace) -> list[dict[str, Any]]:
    """Every mean of every evaluation, newest first."""
    with workspace.open_catalog() as catalog:
        sync_evaluations(catalog, workspace.store)
        return catalog.query_rows(load_sql("evaluations"))

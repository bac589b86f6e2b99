"""Compares vectors of another spec with those in use, before anybody switches to them."""

from dataclasses import dataclass

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.database import load_sql
from data.errors import UserError
from data.shards.lists import list_done
from data.shards.stages import Stage
from data.workspace import Workspace
from engines.base import load_plugin
from engines.index.pooled_vectors import PooledVectors
from engines.pool.methods.mean import pool
from engines.retrieve.overlap import compute_overlap, compute_recall
from tasks.stages import find_stage_over, require_same_weights

TOP = 10  # neighbours that overlap and recall look at


@dataclass(frozen=True, slots=True)
class VectorComparison:
    """How two sets of vectors of the same `videos` agree, and how well captions find each's videos.

    `overlap` is the mean share of a video's ten nearest neighbours that both sets agree on.
    `recall` is the share of `captions` that find their own video among the first ten hits, and
    `recall_at_1` as the first one: of the vectors in use, then of the others.
    """

    videos: int
    captions: int
    overlap: float
    recall: tuple[float | None, float | None]
    recall_at_1: tuple[float | None, float | None]


@task(name="compare", cache_policy=NO_CACHE, persist_result=False)
def compare_stages(
    workspace: Workspace, used: Stage, other: Stage, sample: int
) -> VectorComparison:
    """Compares two embed stages on a sample of videos; a UserError where they share too few."""
    pooled = [find_stage_over(workspace, stage, "pool") for stage in (used, other)]
    rows = _read_shared(workspace, pooled[0], pooled[1], sample)
    if len(rows) <= TOP:
        raise UserError(
            f"only {len(rows)} videos have vectors of both stages: at least {TOP + 1} are needed"
        )
    spaces = [_read_vectors(workspace, stage, list(rows)) for stage in pooled]
    captioned = [n for n, caption in enumerate(rows.values()) if caption]
    texts = [str(caption) for caption in rows.values() if caption]
    recalls = [
        _measure_recalls(workspace, stage, texts, space[captioned]) if captioned else (None, None)
        for stage, space in zip((used, other), spaces, strict=True)
    ]
    (first, first_at_1), (second, second_at_1) = recalls
    overlap = compute_overlap(spaces[0], spaces[1], TOP)
    return VectorComparison(
        len(rows), len(captioned), overlap, (first, second), (first_at_1, second_at_1)
    )  # fmt: skip


def _read_shared(
    workspace: Workspace, first: Stage, second: Stage, sample: int
) -> dict[str, str | None]:
    """The captions of a sample of contents that both pool stages have, by content."""
    with workspace.open_synced_catalog(first.corpus) as catalog:
        rows = catalog.execute(
            load_sql("common_contents"), corpus=first.corpus,
            one=first.fingerprint, other=second.fingerprint, count=sample,
        )  # fmt: skip
        return dict(rows)


def _read_vectors(workspace: Workspace, stage: Stage, contents: list[str]) -> np.ndarray:
    """(n, d) unit vectors of the contents, in their order."""
    positions = {content: n for n, content in enumerate(contents)}
    vectors: dict[int, np.ndarray] = {}
    shards = tuple(list_done(workspace.store, stage.folder))
    for batch in PooledVectors(workspace.store, stage.folder, shards, frozenset()).batches():
        for content, vector in zip(batch.contents or (), batch.vectors, strict=True):
            if content in positions:
                vectors[positions[content]] = vector
    return np.stack([vectors[n] for n in range(len(contents))])


def _measure_recalls(
    workspace: Workspace, embedded: Stage, texts: list[str], vectors: np.ndarray
) -> tuple[float, float]:
    """Recall@10 and recall@1 of the texts, each embedded by the stage's own model."""
    spec = require_same_weights(workspace, embedded)
    model = load_plugin("embed.models", spec.engine).Embedder(spec)
    model.load(None, compile=False)
    queries = np.stack([pool(vector[None]) for vector in model.embed_text(texts)])
    return compute_recall(queries, vectors, TOP), compute_recall(queries, vectors, 1)

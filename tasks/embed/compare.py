"""Vectors made another way, compared with those in use before anybody switches to them."""

from dataclasses import dataclass

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import sql
from data.errors import UserError
from data.shards.lists import names
from data.shards.stages import Stage
from data.workspace import Workspace
from engines.base import plugin
from engines.index.pooled_vectors import PooledVectors
from engines.pool.methods.mean import pool
from engines.retrieve.overlap import overlap, recall
from tasks.stages import made, same_weights

TOP = 10


@dataclass(frozen=True, slots=True)
class Compared:
    """What two sets of vectors of the same `videos` have in common, and how well each is searched.

    `overlap` is the share of a video's ten nearest that both agree on. `recall` is the share of
    `captions` that find their own video among the first ten, `recall_at_1` first of all.
    """

    videos: int
    captions: int
    overlap: float
    recall: tuple[float | None, float | None]
    recall_at_1: tuple[float | None, float | None]


@task(name="compare", cache_policy=NO_CACHE, persist_result=False)
def compare(workspace: Workspace, used: Stage, other: Stage, sample: int) -> Compared:
    """The vectors in use and others, on the same sample; a UserError where they share too few."""
    pooled = [made(workspace, stage, "pool") for stage in (used, other)]
    rows = _shared(workspace, pooled[0], pooled[1], sample)
    if len(rows) <= TOP:
        raise UserError(f"only {len(rows)} videos have both vectors: more than {TOP} are needed")
    spaces = [_vectors(workspace, stage, list(rows)) for stage in pooled]
    told = [n for n, caption in enumerate(rows.values()) if caption]
    texts = [str(caption) for caption in rows.values() if caption]
    found = [
        _recalls(workspace, stage, texts, space[told]) if told else (None, None)
        for stage, space in zip((used, other), spaces, strict=True)
    ]
    (first, first_at_1), (second, second_at_1) = found
    alike = overlap(spaces[0], spaces[1], TOP)
    return Compared(len(rows), len(told), alike, (first, second), (first_at_1, second_at_1))


def _shared(workspace: Workspace, one: Stage, other: Stage, sample: int) -> dict[str, str | None]:
    with workspace.catalog() as catalog:
        for stage in (one, other):
            merge.sync_stage(catalog, workspace.store, stage.corpus, "pool", stage.fingerprint)
        asked = {"one": one.fingerprint, "other": other.fingerprint, "count": sample}
        return dict(catalog.execute(sql("shared"), corpus=one.corpus, **asked))


def _vectors(workspace: Workspace, stage: Stage, contents: list[str]) -> np.ndarray:
    """(n, d) unit vectors of the contents, in their order."""
    at = {content: n for n, content in enumerate(contents)}
    found: dict[int, np.ndarray] = {}
    shards = tuple(names(workspace.store, stage.folder, "receipts"))
    for batch in PooledVectors(workspace.store, stage.folder, shards, frozenset()).batches():
        for content, vector in zip(batch.contents or (), batch.vectors, strict=True):
            if content in at:
                found[at[content]] = vector
    return np.stack([found[n] for n in range(len(contents))])


def _recalls(
    workspace: Workspace, embedded: Stage, texts: list[str], vectors: np.ndarray
) -> tuple[float, float]:
    spec = same_weights(workspace, embedded)
    model = plugin("embed.models", spec.engine).Embedder(spec)
    model.load(None, compile=False)
    queries = np.stack([pool(model.embed_text([text])) for text in texts])
    return recall(queries, vectors, TOP), recall(queries, vectors, 1)

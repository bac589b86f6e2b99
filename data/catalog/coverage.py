"""Coverage of a corpus: how many of its source's rows are done, failed and missing, by stage."""

from typing import Any

from data.catalog import merge
from data.catalog.database import Catalog, load_sql
from data.shards.stages import (
    Stage,
    current_stage,
    list_annotated,
    published_version,
    read_spec,
)
from data.specs.models import describe_model
from data.specs.pipeline import EmbedSpec
from data.store.storage import Store

STAGES = ("ingest", "embed", "pool", "index")
STATES = ("done", "failed", "missing")


def compute_coverage(
    catalog: Catalog, store: Store, corpus: str, other: Stage | None = None
) -> dict[str, Any]:
    """`{"corpus", "model", "stages": {stage: {"videos": {"total", "done", …}, "hours": {…}}}}`.

    It counts the corpus's current stages; `other` replaces the current stage of its kind.
    """
    merge.sync_corpus(catalog, store, corpus)
    shadow = {other.kind: other.fingerprint} if other else {}
    rows = catalog.query_rows(load_sql("coverage"), **_current_fingerprints(store, corpus) | shadow)
    by_state = {(row["stage"], row["state"]): row for row in rows}
    counts = {stage: _stage_counts(by_state, stage) for stage in STAGES}
    return {"corpus": corpus, "model": _current_model(store, corpus), "stages": counts}


def compute_status(catalog: Catalog, store: Store, corpus: str) -> dict[str, Any]:
    """`compute_coverage`, with the annotators that the corpus has been through as stages."""
    coverage = compute_coverage(catalog, store, corpus)
    coverage["stages"] |= compute_annotated(catalog, store, corpus)
    return coverage


def compute_annotated(catalog: Catalog, store: Store, corpus: str) -> dict[str, Any]:
    """The same counts of each annotator that the corpus has been through, by its stage.

    Of videos that may be shown; the catalogue is as the last `compute_coverage` left it.
    """
    counts: dict[str, Any] = {}
    for kind in list_annotated(store, corpus):
        if stage := current_stage(store, corpus, kind):
            where = {"corpus": corpus, "stage": kind, "fingerprint": stage.fingerprint}
            rows = catalog.query_rows(load_sql("annotated"), **where)
            by_state = {(row["stage"], row["state"]): row for row in rows}
            counts[kind] = _stage_counts(by_state, kind)
    return counts


def list_failures(catalog: Catalog, store: Store, corpus: str) -> list[dict[str, Any]]:
    """Every failed row once: stage, id, reason, detail, attempts, decoder."""
    merge.sync_corpus(catalog, store, corpus)
    current = list_current(store, corpus, "pool")
    return catalog.query_rows(load_sql("failures"), corpus=corpus, current=current)


def list_current(store: Store, corpus: str, *others: str) -> list[str]:
    """Fingerprints of the corpus's current stages that take videos, and of `others`."""
    kinds = ("embed", *list_annotated(store, corpus), *others)
    stages = (current_stage(store, corpus, kind) for kind in kinds)
    return [stage.fingerprint for stage in stages if stage]


def _current_model(store: Store, corpus: str) -> str | None:
    stage = current_stage(store, corpus, "embed")
    return describe_model(read_spec(store, stage, EmbedSpec)) if stage else None


def _current_fingerprints(store: Store, corpus: str) -> dict[str, str | None]:
    stages = {kind: current_stage(store, corpus, kind) for kind in ("embed", "pool", "index")}
    fingerprints = {kind: stage.fingerprint if stage else None for kind, stage in stages.items()}
    return {"corpus": corpus, **fingerprints, "version": published_version(store, stages["index"])}


def _stage_counts(by_state: dict[tuple[str, str], dict[str, Any]], stage: str) -> dict[str, Any]:
    rows = {state: by_state.get((stage, state), {}) for state in STATES}
    videos = {state: int(row.get("videos", 0)) for state, row in rows.items()}
    hours = {state: float(row.get("hours") or 0) for state, row in rows.items()}
    return {
        "videos": {"total": sum(videos.values()), **videos},
        "hours": {"total": sum(hours.values()), **hours},
    }

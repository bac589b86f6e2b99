"""How far a corpus is: of every row the source had, per stage, what is done, failed and missing."""

from typing import Any

from data.catalog import merge
from data.catalog.database import Catalog, sql
from data.shards.stages import Stage, current, version_of
from data.store.storage import Store

STAGES = ("ingest", "embed", "pool", "index")
STATES = ("done", "failed", "missing")


def coverage(
    catalog: Catalog, store: Store, corpus: str, other: Stage | None = None
) -> dict[str, Any]:
    """`{"corpus", "stages": {stage: {"videos": {"total", "done", …}, "hours": {…}}}}`.

    Of the stages that are in use; of the `other` one instead of the one of its kind.
    """
    merge.sync_corpus(catalog, store, corpus)
    shadow = {other.kind: other.fingerprint} if other else {}
    rows = catalog.rows(sql("coverage"), **_now(store, corpus) | shadow)
    found = {(row["stage"], row["state"]): row for row in rows}
    return {"corpus": corpus, "stages": {stage: _stage(found, stage) for stage in STAGES}}


def failures(catalog: Catalog, store: Store, corpus: str) -> list[dict[str, Any]]:
    """Every failed row once: stage, id, reason, detail, attempts."""
    merge.sync_corpus(catalog, store, corpus)
    names = {key: value for key, value in _now(store, corpus).items() if key in _FAILURES}
    return catalog.rows(sql("failures"), **names)


_FAILURES = ("corpus", "embed", "pool")


def _now(store: Store, corpus: str) -> dict[str, str | None]:
    stages = {kind: current(store, corpus, kind) for kind in ("embed", "pool", "index")}
    prints = {kind: stage.fingerprint if stage else None for kind, stage in stages.items()}
    return {"corpus": corpus, **prints, "version": version_of(store, stages["index"])}


def _stage(found: dict[tuple[str, str], dict[str, Any]], stage: str) -> dict[str, Any]:
    videos = {s: int(found.get((stage, s), {}).get("videos", 0)) for s in STATES}
    hours = {s: float(found.get((stage, s), {}).get("hours") or 0) for s in STATES}
    return {
        "videos": {"total": sum(videos.values()), **videos},
        "hours": {"total": sum(hours.values()), **hours},
    }

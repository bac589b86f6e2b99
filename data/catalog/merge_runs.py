"""Brings runs of generation into the catalogue: what each was asked, and its receipts."""

import json
from collections.abc import Iterator
from typing import Any

from data.batches import batched
from data.catalog.database import Catalog
from data.catalog.merged import insert_rows, is_merged, mark, new, only
from data.store import layout
from data.store.storage import Store

AT_ONCE = 64
PLAIN = (
    "request_id", "prompt_id", "prompt", "sample", "seed", "reason", "detail", "note", "file",
    "sha256", "frames", "fps", "width", "height", "index_version", "seconds",
)  # fmt: skip
HIT = ("rank", "video_id", "content", "score", "start_s", "weight")


def sync_runs(catalog: Catalog, store: Store) -> None:
    """Merges every run of generation."""
    for folder in store.names(layout.GENERATIONS):
        if store.exists(layout.spec(folder)):
            sync_run(catalog, store, folder.rsplit("/", 1)[-1])


def sync_run(catalog: Catalog, store: Store, run: str) -> None:
    """Merges what a run was asked and what its shards made of it."""
    folder = layout.generation(run)
    spec = layout.spec(folder)
    said = json.loads(store.read(spec))
    if not is_merged(catalog, spec):
        with catalog.transaction():
            insert_rows(catalog, "runs", [_run(said)], {})
            mark(catalog, [spec])
    where = {"run": run, "corpus": said["corpus"]}
    for names in batched(new(catalog, store, f"{folder}/receipts", ".json"), AT_ONCE):
        logs = [json.loads(store.read(name)) for name in names]
        with catalog.transaction():
            insert_rows(catalog, "generations", [o for log in logs for o in _outputs(log)], where)
            insert_rows(catalog, "conditioning", [h for log in logs for h in _hits(log)], where)
            mark(catalog, names)


def _run(said: dict[str, Any]) -> dict[str, Any]:
    digests = said["digests"]
    return only(said, "run", "corpus", "made") | {
        "engine": said["spec"]["engine"],
        "spec": json.dumps(said["spec"], sort_keys=True),
        "model_digest": digests.get("model"),
        "controller_digest": digests.get("controller"),
        "prompts": len(said["prompts"]),
    }


def _outputs(log: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in log["rows"]:
        yield only(log, "shard", "attempt", "finished") | only(row, *PLAIN)


def _hits(log: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in log["rows"]:
        for hit in row["hits"]:
            yield only(log, "attempt") | only(row, "request_id") | only(hit, *HIT)

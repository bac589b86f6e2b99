"""Merges runs of generation into the catalogue: their specs and their receipts."""

import json
from collections.abc import Iterator
from typing import Any

from data.batches import iter_batches
from data.catalog.database import Catalog
from data.catalog.merged import (
    FilesGone,
    insert_rows,
    is_merged,
    list_unmerged,
    mark_merged,
    pick_keys,
)
from data.store import layout
from data.store.storage import Store

FILES_PER_TRANSACTION = 64  # few commits, and little work lost by a kill
OUTPUT_COLUMNS = (
    "request_id", "prompt_id", "prompt", "sample", "seed", "reason", "detail", "note", "file",
    "sha256", "frames", "fps", "width", "height", "index_version", "seconds",
)  # fmt: skip
HIT_COLUMNS = ("rank", "video_id", "content", "score", "start_s", "weight")


def sync_runs(catalog: Catalog, store: Store) -> None:
    """Merges every run of generation that has been recorded."""
    for folder in store.list_names(layout.GENERATIONS):
        if store.exists(layout.spec_file(folder)):
            sync_run(catalog, store, folder.rsplit("/", 1)[-1])


def sync_run(catalog: Catalog, store: Store, run: str) -> None:
    """Merges one run: its spec, and the outputs and conditioning clips in its receipts."""
    folder = layout.generation_folder(run)
    spec = layout.spec_file(folder)
    record = json.loads(store.read(spec))
    if not is_merged(catalog, spec):
        with catalog.transaction():
            insert_rows(catalog, "runs", [_run_row(record)], {})
            mark_merged(catalog, [spec])
    where = {"run": run, "corpus": record["corpus"]}
    try:
        unmerged = list_unmerged(catalog, store, f"{folder}/receipts", ".json")
    except FilesGone:
        _forget_receipts(catalog, run)
        unmerged = list_unmerged(catalog, store, f"{folder}/receipts", ".json")
    for names in iter_batches(unmerged, FILES_PER_TRANSACTION):
        receipts = [json.loads(store.read(name)) for name in names]
        outputs = [row for receipt in receipts for row in _output_rows(receipt)]
        hits = [row for receipt in receipts for row in _hit_rows(receipt)]
        with catalog.transaction():
            insert_rows(catalog, "generations", outputs, where)
            insert_rows(catalog, "conditioning", hits, where)
            mark_merged(catalog, names)


def _forget_receipts(catalog: Catalog, run: str) -> None:
    """Drops what was merged of a run's receipts."""
    folder = f"{layout.generation_folder(run)}/receipts/"
    with catalog.transaction():
        catalog.execute("DELETE FROM generations WHERE run = $run", run=run)
        catalog.execute("DELETE FROM conditioning WHERE run = $run", run=run)
        catalog.execute("DELETE FROM merged WHERE starts_with(path, $folder)", folder=folder)


def _run_row(record: dict[str, Any]) -> dict[str, Any]:
    digests = record["digests"]
    return pick_keys(record, "run", "corpus", "made") | {
        "engine": record["spec"]["engine"],
        "spec": json.dumps(record["spec"], sort_keys=True),
        "model_digest": digests.get("model"),
        "controller_digest": digests.get("controller"),
        "prompts": len(record["prompts"]),
    }


def _output_rows(receipt: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in receipt["rows"]:
        yield pick_keys(receipt, "shard", "attempt", "finished") | pick_keys(row, *OUTPUT_COLUMNS)


def _hit_rows(receipt: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in receipt["rows"]:
        for hit in row["hits"]:
            yield (
                pick_keys(receipt, "attempt")
                | pick_keys(row, "request_id")
                | pick_keys(hit, *HIT_COLUMNS)
            )

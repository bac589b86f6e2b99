"""Removes refined videos whose sources were withdrawn."""

from collections import defaultdict
from typing import Any

from data.outcome import Failed
from data.runs.refinements import VERSION, media_path, pass_id, read_pass
from data.shards.lists import Shard, list_shards, next_number, read_shard, shard_name, write_shard
from data.shards.receipts import Receipt, Seconds, write_receipt
from data.store import layout
from data.workspace import Workspace
from tasks.refine.writer import build_row
from tasks.service.turns import wait_turn

WITHDRAWN = "made from a video that was withdrawn"


def remove_refined(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    """Deletes the files of refined videos, with the pages that show them, and notes why.

    Their rows say so from now on: a later attempt, which is a receipt of its own.
    """
    by_refinement: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_refinement[row["refinement"]].add(pass_id(row["target"], row["number"]))
    for name, ids in by_refinement.items():
        folder = layout.refinement_folder(name)
        with workspace.lock_store_folder(folder, f"removes videos of {name}", wait_turn):
            _remove_passes(workspace, folder, ids)


def _remove_passes(workspace: Workspace, folder: str, ids: set[str]) -> None:
    store = workspace.store
    shards = [read_shard(store, folder, shard, read_pass) for shard in list_shards(store, folder)]
    items = {item.id: item for shard in shards for item in shard.items if item.id in ids}
    # Rows beside files go first: they mark these as whole.
    for ending in ("json", "mkv", "mp4"):
        for id in items:
            store.delete(f"{folder}/{media_path(id, ending)}")
    for page in ("report.html", "summary.json"):
        store.delete(f"{folder}/{page}")
    number, attempt = next_number(store, folder), 1 + max(shard.attempt for shard in shards)
    shard = Shard(shard_name(number), attempt, tuple(items.values()))
    failures = [(item, Failed(item.id, "missing", WITHDRAWN)) for item in items.values()]
    gone = tuple(build_row(item, reason=f.reason, detail=f.detail) for item, f in failures)
    write_shard(store, folder, shard)
    write_receipt(store, folder, Receipt(shard.id, attempt, VERSION, gone, Seconds()))

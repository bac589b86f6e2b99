"""Writing a corpus's vectors and neighbours as RAGME's scripts read them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.batches import batched
from data.catalog.database import sql
from data.errors import UserError
from data.records import Hit
from data.shards.lists import names
from data.shards.stages import Stage, current
from data.specs.pipeline import VIDEO_QUERIES, RetrieveSpec
from data.store import layout
from data.workspace import Workspace
from engines.generate.ragme import export_files
from engines.pool.engine import frames_by_video
from tasks.prompts import read_prompts
from tasks.retrieve.bank import Bank

AT_ONCE = 256


def export_ragme(
    workspace: Workspace, corpus: str, dest: str, prompts: str | None, k: int
) -> dict[str, Any]:
    """Writes into `dest`, for every current video that is indexed, copies of another included:

    - `embeddings/<id>.npy` (F, D) and `<id>.json`, `pooled/<id>.npy` (1, D), and `metadata.txt`,
      their list in the order of an index over the pooled files;
    - `nearest_neighbors/nn_{k}-rad_0.99-dedup_0.94/<id>.json`, each video's own neighbours;
    - with `prompts`, `prompts/embeddings/<n>.npy` and `.json`, and their
      `prompts/nearest_neighbors/nn_{k}-rad_1.01-dedup_0.98/<n>.json`.
    """
    dest = dest.rstrip("/")
    bank = Bank(workspace, corpus)
    indexed: dict[str, str] = {}
    for video in _videos(workspace, bank):
        id = str(video.record["videoID"])
        indexed[id] = video.id
        export_files.write_video(f"{dest}/embeddings", id, video.frames, video.record)
        export_files.write_pooled(f"{dest}/pooled", id, video.pooled, "float32")
    export_files.write_list(f"{dest}/metadata.txt", f"{dest}/pooled", indexed)
    _neighbours(dest, bank, indexed, k)
    asked = _prompts(dest, bank, prompts, k) if prompts else 0
    return {"corpus": corpus, "videos": len(indexed), "prompts": asked, "out": dest}


@dataclass(frozen=True, slots=True)
class _Video:
    """A video's record and vectors; `id` is the one under which its content is indexed."""

    id: str
    record: dict[str, Any]
    frames: np.ndarray
    pooled: np.ndarray


def _videos(workspace: Workspace, bank: Bank) -> Iterator[_Video]:
    stage = _embedded(workspace, bank.corpus)
    for shard in names(workspace.store, stage.folder, "receipts"):
        name = layout.shard_file(stage.folder, shard)
        if not workspace.store.exists(name):
            continue  # nothing of this shard went through
        receipt = json.loads(workspace.store.read(layout.receipt(stage.folder, shard)))
        contents = {made["id"]: made["content"] for made in receipt["done"]}
        records = _records(workspace, bank.corpus, list(contents.values()))
        for id, frames in frames_by_video(workspace.store, name):
            rows = bank.index.rows([id])
            if rows[0] >= 0:
                pooled = bank.index.vectors(rows)[0]
                for record in records[contents[id]]:
                    yield _Video(id, record, frames, pooled)


def _records(
    workspace: Workspace, corpus: str, contents: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """For each content, `txt`, `videoID` and `videoLoc` of every video that has it."""
    with workspace.catalog() as catalog:
        rows = catalog.rows(sql("videos_of"), corpus=corpus, contents=contents)
    found: dict[str, list[dict[str, Any]]] = {content: [] for content in contents}
    for row in rows:
        found[row.pop("content")].append(row)
    return found


def _neighbours(dest: str, bank: Bank, indexed: dict[str, str], k: int) -> None:
    """Each video's neighbours; a copy of another video has that one's."""
    spec = VIDEO_QUERIES.model_copy(update={"k": k})
    folder = f"{dest}/{export_files.neighbours_folder(k, spec.ceiling, spec.dedup)}"
    for some in batched(indexed, AT_ONCE):
        own = list(dict.fromkeys(indexed[id] for id in some))
        of = _by_query(own, bank.by_video(own, spec))
        for id in some:
            export_files.write_neighbours(folder, id, of[indexed[id]])


def _prompts(dest: str, bank: Bank, path: str, k: int) -> int:
    asked, spec = read_prompts(path), RetrieveSpec(k=k)
    folder = f"{dest}/prompts/{export_files.neighbours_folder(k, spec.ceiling, spec.dedup)}"
    for prompt, vector in zip(asked, bank.text_vectors(asked), strict=True):
        export_files.write_prompt(f"{dest}/prompts/embeddings", prompt.id, prompt.text, vector)
    of = _by_query([prompt.id for prompt in asked], bank.by_text(asked, spec))
    for id, hits in of.items():
        export_files.write_neighbours(folder, id, hits)
    return len(asked)


def _by_query(ids: list[str], hits: list[Hit]) -> dict[str, list[Hit]]:
    of: dict[str, list[Hit]] = {id: [] for id in ids}
    for hit in hits:
        of[hit.prompt_id].append(hit)
    return of


def _embedded(workspace: Workspace, corpus: str) -> Stage:
    stage = current(workspace.store, corpus, "embed")
    if stage is None:
        raise UserError(f"{corpus} is not embedded yet: `reelflow run {corpus}`")
    return stage

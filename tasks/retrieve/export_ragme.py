"""Exports a corpus's vectors and nearest neighbours in the files that RAGME's scripts read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.batches import iter_batches
from data.catalog.database import load_sql
from data.errors import UserError
from data.records import Hit, Prompt
from data.shards.lists import list_done
from data.shards.receipts import read_receipt
from data.shards.stages import Stage, current_stage
from data.specs.retrieve import VIDEO_QUERIES, RetrieveSpec
from data.store import layout
from data.store.frame_vectors import read_by_video
from data.workspace import Workspace
from engines.generate.ragme import export_files
from tasks.prompts import read_prompts
from tasks.retrieve.retriever import Retriever

BATCH_SIZE = 256  # videos searched together: bounds memory


def export_ragme(
    workspace: Workspace, corpus: str, dest: str, prompts: str | None, k: int
) -> dict[str, Any]:
    """Exports every current video of the index, including copies of others, into `dest`:

    - `embeddings/<id>.npy` (F, D) and `<id>.json`, `pooled/<id>.npy` (1, D), and `metadata.txt`,
      the list of the former, beside which the JSON lies, in the order of an index over the latter;
    - `nearest_neighbors/nn_{k}-rad_0.99-dedup_0.94/<id>.json`, each video's own neighbours;
    - with `prompts`, `prompts/embeddings/<n>.npy`, not normalised, and `.json`, and their
      `prompts/nearest_neighbors/nn_{k}-rad_1.01-dedup_0.98/<n>.json`.

    Returns the numbers of videos and prompts. Raises a UserError if the corpus has no index.
    """
    dest = dest.rstrip("/")
    queries = read_prompts(prompts) if prompts else []  # first: a bad file must not end an export
    retriever = Retriever(workspace, corpus)
    indexed: list[str] = []
    for video in _read_videos(workspace, retriever):
        id = str(video.record["videoID"])
        indexed.append(id)
        export_files.write_video(f"{dest}/embeddings", id, video.frames, video.record)
        export_files.write_pooled(f"{dest}/pooled", id, video.pooled, "float32")
    export_files.write_list(f"{dest}/metadata.txt", f"{dest}/embeddings", indexed)
    _write_neighbours(dest, retriever, indexed, k)
    if queries:
        _write_prompts(dest, retriever, queries, k)
    return {"corpus": corpus, "videos": len(indexed), "prompts": len(queries), "out": dest}


@dataclass(frozen=True, slots=True)
class _Video:
    """A video's record and vectors."""

    record: dict[str, Any]
    frames: np.ndarray
    pooled: np.ndarray


def _read_videos(workspace: Workspace, retriever: Retriever) -> Iterator[_Video]:
    stage, seen = _embed_stage(workspace, retriever.corpus), set[str]()
    for shard in list_done(workspace.store, stage.folder):
        name = layout.shard_file(stage.folder, shard)
        if not workspace.store.exists(name):
            continue  # every video of the shard failed
        receipt = read_receipt(workspace.store, stage.folder, shard)
        contents = {row["id"]: row["content"] for row in receipt.done}
        records = _read_records(workspace, retriever.corpus, list(contents.values()))
        for id, frames in read_by_video(workspace.store, name):
            rows = retriever.index.rows([contents[id]])
            if rows[0] >= 0 and contents[id] not in seen:
                seen.add(contents[id])
                pooled = retriever.index.vectors(rows)[0]
                for record in records[contents[id]]:
                    yield _Video(record, frames, pooled)


def _read_records(
    workspace: Workspace, corpus: str, contents: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """Returns, by content, `txt`, `videoID` and `videoLoc` of every video that has it."""
    with workspace.open_catalog() as catalog:
        rows = catalog.query_rows(load_sql("export_videos"), corpus=corpus, contents=contents)
    records: dict[str, list[dict[str, Any]]] = {content: [] for content in contents}
    for row in rows:
        records[row.pop("content")].append(row)
    return records


def _write_neighbours(dest: str, retriever: Retriever, indexed: list[str], k: int) -> None:
    """Writes each video's neighbours; copies of a video have the same."""
    spec = VIDEO_QUERIES.model_copy(update={"k": k})
    folder = f"{dest}/{export_files.neighbours_folder(k, spec.ceiling, spec.dedup)}"
    for batch in iter_batches(indexed, BATCH_SIZE):
        for id, hits in _group_hits(batch, retriever.search_videos(batch, spec)).items():
            export_files.write_neighbours(folder, id, hits)


def _write_prompts(dest: str, retriever: Retriever, prompts: list[Prompt], k: int) -> None:
    spec = RetrieveSpec(k=k)
    folder = f"{dest}/prompts/{export_files.neighbours_folder(k, spec.ceiling, spec.dedup)}"
    for prompt, vector in zip(prompts, retriever.embed_prompts(prompts), strict=True):
        export_files.write_prompt(f"{dest}/prompts/embeddings", prompt.id, prompt.text, vector)
    by_prompt = _group_hits([p.id for p in prompts], retriever.search_prompts(prompts, spec))
    for id, hits in by_prompt.items():
        export_files.write_neighbours(folder, id, hits)


def _group_hits(ids: list[str], hits: list[Hit]) -> dict[str, list[Hit]]:
    # A query without hits keeps an empty list: there is a file for every query.
    by_query: dict[str, list[Hit]] = {id: [] for id in ids}
    for hit in hits:
        by_query[hit.prompt_id].append(hit)
    return by_query


def _embed_stage(workspace: Workspace, corpus: str) -> Stage:
    stage = current_stage(workspace.store, corpus, "embed")
    if stage is None:
        raise UserError(f"{corpus} is not embedded yet: run `reelflow run {corpus}`")
    return stage

"""Writing a corpus's vectors and neighbours as RAGME's scripts read them."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from data import layout
from data.chain import Stage, current
from data.errors import UserError
from data.records import Hit
from data.shards import names
from data.specs import VIDEO_QUERIES, RetrieveSpec
from data.workplace import Workplace
from engines.pool_shard import frames_by_video
from engines.ragme import writing
from tasks.retrieve import read_prompts
from tasks.search import Bank

AT_ONCE = 256


def export_ragme(
    place: Workplace, corpus: str, dest: str, prompts: str | None, k: int
) -> dict[str, Any]:
    """Writes into `dest`, for every current video that is pooled:

    - `embeddings/<id>.npy` (F, D) and `<id>.json`, `pooled/<id>.npy` (1, D), and `metadata.txt`,
      their list in the order of an index over the pooled files;
    - `nearest_neighbors/nn_{k}-rad_0.99-dedup_0.94/<id>.json`, each video's own neighbours;
    - with `prompts`, `prompts/embeddings/<n>.npy` and `.json`, and their
      `prompts/nearest_neighbors/nn_{k}-rad_1.01-dedup_0.98/<n>.json`.
    """
    dest = dest.rstrip("/")
    bank = Bank(place, corpus)
    exported = [_video(dest, *each) for each in _videos(place, bank)]
    writing.write_list(f"{dest}/metadata.txt", f"{dest}/pooled", exported)
    _neighbours(dest, bank, exported, k)
    asked = _prompts(dest, bank, prompts, k) if prompts else 0
    return {"corpus": corpus, "videos": len(exported), "prompts": asked, "out": dest}


def _videos(
    place: Workplace, bank: Bank
) -> Iterator[tuple[str, np.ndarray, np.ndarray, dict[str, Any]]]:
    """Each indexed video's id, frames, pooled vector and record."""
    stage = _embedded(place, bank.corpus)
    for shard in names(place.store, stage.folder, "receipts"):
        name = layout.shard_file(stage.folder, shard)
        if not place.store.exists(name):
            continue
        receipt = json.loads(place.store.read(layout.receipt(stage.folder, shard)))
        contents = {made["id"]: made["content"] for made in receipt["done"]}
        records = bank.records(list(contents.values()))
        for id, frames in frames_by_video(place.store, name):
            record = records.get(contents[id])
            row = bank.index.rows([id])[0]
            if record is not None and row >= 0:
                yield id, frames, bank.index.vectors(np.array([row]))[0], record


def _video(
    dest: str, id: str, frames: np.ndarray, pooled: np.ndarray, record: dict[str, Any]
) -> str:
    writing.write_video(f"{dest}/embeddings", id, frames, record)
    writing.write_pooled(f"{dest}/pooled", id, pooled, "float32")
    return id


def _neighbours(dest: str, bank: Bank, ids: list[str], k: int) -> None:
    spec = VIDEO_QUERIES.model_copy(update={"k": k})
    folder = f"{dest}/{writing.neighbours_folder(k, spec.ceiling, spec.dedup)}"
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        _write_hits(folder, some, bank.by_video(some, spec))


def _prompts(dest: str, bank: Bank, path: str, k: int) -> int:
    asked, spec = list(read_prompts(path)), RetrieveSpec(k=k)
    folder = f"{dest}/prompts/{writing.neighbours_folder(k, spec.ceiling, spec.dedup)}"
    for prompt, vector in zip(asked, bank.text_vectors(asked), strict=True):
        writing.write_prompt(f"{dest}/prompts/embeddings", prompt.id, prompt.text, vector)
    _write_hits(folder, [prompt.id for prompt in asked], bank.by_text(asked, spec))
    return len(asked)


def _write_hits(folder: str, ids: list[str], hits: list[Hit]) -> None:
    of: dict[str, list[Hit]] = {id: [] for id in ids}
    for hit in hits:
        of[hit.prompt_id].append(hit)
    for id, found in of.items():
        writing.write_neighbours(folder, id, found)


def _embedded(place: Workplace, corpus: str) -> Stage:
    stage = current(place.store, corpus, "embed")
    if stage is None:
        raise UserError(f"{corpus} is not embedded yet: `reelflow run {corpus}`")
    return stage

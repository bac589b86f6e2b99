"""Stores of reference vectors: Parquet files, or folders as the published scripts write them."""

import json
import shutil
from collections.abc import Sequence
from typing import Any, Protocol

from data.errors import UserError
from data.runs.benchmark import Part, clip_file, write_clip_parts
from data.store.disk_errors import translate_disk_errors
from data.store.storage import Store
from engines.evaluate.benchmarks.msrvtt_personalization.official_files import write_parts

MANIFEST = "spec.json"


class EmbeddingStore(Protocol):
    """A folder of reference vectors; a clip's files appear in it whole or not at all."""

    store: Store
    folder: str

    def has_clip(self, clip: str) -> bool: ...

    def save_clip(self, clip: str, parts: Sequence[Part]) -> None: ...


class ParquetStore:
    """Reference vectors in one Parquet file per clip."""

    def __init__(self, store: Store, folder: str) -> None:
        self.store, self.folder = store, folder

    def has_clip(self, clip: str) -> bool:
        return self.store.exists(f"{self.folder}/{clip_file(clip)}")

    def save_clip(self, clip: str, parts: Sequence[Part]) -> None:
        write_clip_parts(self.store, f"{self.folder}/{clip_file(clip)}", clip, parts)


class OfficialStore:
    """Reference vectors in one folder per clip, in the published files.

    With `half`, CLIP's vectors are float16, as the published scripts write them on a GPU.
    """

    def __init__(self, store: Store, folder: str, half: bool) -> None:
        self.store, self.folder, self.half = store, folder, half

    def has_clip(self, clip: str) -> bool:
        return self.store.exists(f"{self.folder}/{clip}")

    def save_clip(self, clip: str, parts: Sequence[Part]) -> None:
        final = self.store.local_path(f"{self.folder}/{clip}")
        draft = final.with_name(f".{clip}.draft")
        shutil.rmtree(draft, ignore_errors=True)  # left by a run that was killed
        with translate_disk_errors(self.store.root):
            write_parts(draft, parts, self.half)
            draft.rename(final)  # a clip's folder is there whole or not at all


def verify_manifest(store: EmbeddingStore, manifest: dict[str, Any]) -> None:
    """Records how a folder's vectors are made; raises UserError if they were made differently."""
    name = f"{store.folder}/{MANIFEST}"
    if not store.store.exists(name):
        store.store.write(name, json.dumps(manifest, indent=2, sort_keys=True).encode())
    # Existing clips are kept, so a second model would leave a folder of two kinds.
    elif json.loads(store.store.read(name)) != manifest:
        raise UserError(
            f"{store.store.path(store.folder)} was made with other models or another precision,"
            f" see {MANIFEST} in it: use another folder"
        )

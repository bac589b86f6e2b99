"""Where the vectors of clips are kept: our Parquet, or folders as the published scripts leave."""

import json
import shutil
from collections.abc import Sequence
from typing import Any, Protocol

from data.errors import UserError
from data.runs.benchmark import Part, known_file, write_known
from data.store.storage import Store, disk_faults
from engines.evaluate.benchmarks.msrvtt_personalization.official_files import write_parts

SPEC = "spec.json"


class Shelf(Protocol):
    """A folder of a store; a clip's files appear in it whole or not at all."""

    store: Store
    folder: str

    def has(self, clip: str) -> bool: ...

    def keep(self, clip: str, parts: Sequence[Part]) -> None: ...


class ParquetShelf:
    """One Parquet file a clip."""

    def __init__(self, store: Store, folder: str) -> None:
        self.store, self.folder = store, folder

    def has(self, clip: str) -> bool:
        return self.store.exists(f"{self.folder}/{known_file(clip)}")

    def keep(self, clip: str, parts: Sequence[Part]) -> None:
        write_known(self.store, f"{self.folder}/{known_file(clip)}", clip, parts)


class OfficialShelf:
    """One folder a clip; `half`: CLIP's vectors are float16, as a GPU leaves them."""

    def __init__(self, store: Store, folder: str, half: bool) -> None:
        self.store, self.folder, self.half = store, folder, half

    def has(self, clip: str) -> bool:
        return self.store.exists(f"{self.folder}/{clip}")

    def keep(self, clip: str, parts: Sequence[Part]) -> None:
        made = self.store.local(f"{self.folder}/{clip}")
        draft = made.with_name(f".{clip}.draft")
        shutil.rmtree(draft, ignore_errors=True)  # what a killed run had begun
        with disk_faults(self.store.root):
            write_parts(draft, parts, self.half)
            draft.rename(made)


def claim(shelf: Shelf, said: dict[str, Any]) -> None:
    """Notes what a shelf's vectors are made with; a UserError where they are made otherwise."""
    name = f"{shelf.folder}/{SPEC}"
    if not shelf.store.exists(name):
        shelf.store.write(name, json.dumps(said, indent=2, sort_keys=True).encode())
    elif json.loads(shelf.store.read(name)) != said:
        raise UserError(
            f"{shelf.store.path(shelf.folder)} was made with other models or another precision"
            f" ({SPEC} says which): give another folder"
        )

"""Reads frame vectors that a corpus already has, so that nobody computes them again."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.store import layout
from data.store.frame_vectors import read_frames
from data.store.storage import Store


@dataclass(frozen=True)
class StoredVectors:
    """Reads an embed stage's vectors; `shards` maps a content to its shard and id."""

    store: Store
    folder: str
    shards: Mapping[str, tuple[str, str]]

    def __call__(self, content: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Seconds (n,) and vectors (n, dim) float16 of a content's frames; None without any."""
        if content not in self.shards:
            return None
        shard, id = self.shards[content]
        return read_frames(self.store, layout.shard_file(self.folder, shard), id)

"""Frame vectors that a corpus has already, for whoever would make them again."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq

from data.store import layout
from data.store.storage import Store


@dataclass(frozen=True)
class StoredVectors:
    """Reads an embed stage's vectors; `shards` tells the shard and the id of each content."""

    store: Store
    folder: str
    shards: Mapping[str, tuple[str, str]]

    def __call__(self, content: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Seconds (m,) and vectors (m, dim) float16 of a content's frames; None without any."""
        if content not in self.shards:
            return None
        shard, id = self.shards[content]
        with self.store.open(layout.shard_file(self.folder, shard)) as file:
            rows = pq.read_table(
                file, columns=["t_seconds", "vector"], filters=[("video_id", "==", id)]
            )
        if not len(rows):
            return None
        column = rows.column("vector").combine_chunks()
        vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)
        return rows.column("t_seconds").to_numpy(), vectors

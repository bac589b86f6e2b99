"""Reads frame vectors from the store, for an index of frames."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from data.shards.receipts import read_receipt
from data.store import layout, tables
from data.store.storage import Store
from engines.index.batches import Batch
from engines.index.frame_rows import name_row


@dataclass(frozen=True, slots=True)
class FrameVectors:
    """The frames of contents, each of the shard in `wanted`; `numbers` are the contents' own.

    `count` is how many frames there are by the receipts. Frames whose vector is zero or not finite
    are left out: they are like nothing.
    """

    store: Store
    folder: str
    wanted: Mapping[str, str]
    numbers: Mapping[str, int]
    count: int

    def batches(self) -> Iterator[Batch]:
        """A few thousand vectors at a time; ids are the names of rows."""
        for shard in sorted(set(self.wanted.values())):
            name = layout.shard_file(self.folder, shard)
            if not self.store.exists(name):  # there is no file if the whole shard failed
                continue
            done = read_receipt(self.store, self.folder, shard).done
            numbers = {row["id"]: self.numbers[row["content"]] for row in done
                       if self.wanted.get(row["content"]) == shard}  # fmt: skip
            for rows in tables.iter_batches(self.store, name):
                column = rows.column("vector")
                vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)
                owners = [numbers.get(id, -1) for id in rows.column("video_id").to_pylist()]
                lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
                keep = (np.array(owners) >= 0) & np.isfinite(lengths) & (lengths > 0)
                frames = rows.column("frame").to_pylist()
                ids = [name_row(owners[row], frames[row]) for row in np.flatnonzero(keep)]
                yield Batch(ids, vectors[keep])

    def split(self, parts: int) -> list["FrameVectors"]:
        """The same vectors in at most `parts` runs of shards."""
        shards = sorted(set(self.wanted.values()))
        groups = [set(group) for group in np.array_split(np.array(shards, object), parts)]
        return [
            replace(self, wanted={c: shard for c, shard in self.wanted.items() if shard in group})
            for group in groups
            if group
        ]

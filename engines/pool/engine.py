"""The pool stage's engine: a shard's frame vectors in, one vector per video out."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data.outcome import Done, Failed, Outcome
from data.shards.receipts import (
    Receipt,
    Seconds,
    VideoRow,
    done_row,
    failed_row,
    read_receipt,
    write_receipt,
)
from data.store import layout, tables
from data.store.frame_vectors import read_by_video
from data.store.storage import Store
from engines.base import Needs, load_plugin

VIDEOS_PER_ROW_GROUP = 1024  # bounds memory, whatever the size of a shard or pack


@dataclass(frozen=True, slots=True)
class ShardToPool:
    """A shard that embed has finished; `id` is the shard's."""

    id: str


class ShardPooler:
    """Reads a shard a few thousand frames at a time and writes its vectors, then its receipt."""

    needs = Needs()  # one CPU: it only reads, averages and writes

    def __init__(self, store: Store, source: str, target: str, method: str) -> None:
        self.store, self.source, self.target, self.method = store, source, target, method

    def load(self) -> None:
        """Loads the pooling method."""
        self._pooling = load_plugin("pool.methods", self.method)

    def run(self, batch: Sequence[ShardToPool]) -> Iterator[Outcome[Receipt[VideoRow]]]:
        """One receipt per shard, already written."""
        for shard in batch:
            yield Done(shard.id, self._pool_shard(shard.id))

    def close(self) -> None:
        """Nothing to close."""

    def _pool_shard(self, shard: str) -> Receipt[VideoRow]:
        started = time.perf_counter()
        embedded = read_receipt(self.store, self.source, shard)
        contents = {row["id"]: row["content"] for row in embedded.done}
        rows: list[VideoRow] = []
        self._write_vectors(
            shard, self._pool_videos(shard, contents, rows) if contents else iter(())
        )
        receipt = Receipt(
            shard, embedded.attempt, self._pooling.VERSION, tuple(rows),
            Seconds(wall=time.perf_counter() - started),
        )  # fmt: skip
        # After the vectors: a receipt promises that they are there.
        write_receipt(self.store, self.target, receipt)
        return receipt

    def _pool_videos(
        self, shard: str, contents: dict[str, str], rows: list[VideoRow]
    ) -> Iterator[tuple[VideoRow, np.ndarray]]:
        """Each video's vector; one that cannot be pooled becomes a failed row."""
        for id, frames in read_by_video(self.store, layout.shard_file(self.source, shard)):
            outcome = pool_video(id, frames, self._pooling.pool)
            # Listed while the table is written, so that the receipt names exactly what is in it.
            if isinstance(outcome, Failed):
                rows.append(failed_row(outcome, contents[id]))
            else:
                rows.append(done_row(id, contents[id], len(frames)))
                yield rows[-1], outcome.value

    def _write_vectors(self, shard: str, vectors: Iterator[tuple[VideoRow, np.ndarray]]) -> None:
        # The first video is pooled before the file is opened: only its vector tells the dimension,
        # and a shard without vectors has no file.
        first = next(vectors, None)
        if first is None:
            return
        schema = tables.pooled_schema(len(first[1]))
        name = layout.shard_file(self.target, shard)
        with tables.open_writer(self.store, name, schema) as writer:
            waiting = [first]
            for row in vectors:
                if len(waiting) == VIDEOS_PER_ROW_GROUP:
                    writer.write_table(_build_table(waiting, schema))
                    waiting = []
                waiting.append(row)
            writer.write_table(_build_table(waiting, schema))


def pool_video(
    id: str, frames: np.ndarray, pool: Callable[[np.ndarray], np.ndarray]
) -> Outcome[np.ndarray]:
    """A video's pooled vector (D,) float32, or why it has none."""
    if not len(frames):
        return Failed(id, "empty", "no frame vectors")
    # NaN in an index would spoil the distances of every query that meets it.
    if not np.isfinite(frames).all():
        return Failed(id, "rejected", "a frame vector is not finite: embed the video again")
    return Done(id, pool(frames))


def _build_table(rows: list[tuple[VideoRow, np.ndarray]], schema: pa.Schema) -> pa.Table:
    vectors = np.concatenate([vector for _, vector in rows])
    columns = [
        pa.array([row["id"] for row, _ in rows]),
        pa.array([row["content"] for row, _ in rows]),
        pa.array([row["frames"] for row, _ in rows], pa.int32()),
        pa.FixedSizeListArray.from_arrays(pa.array(vectors), schema.field("vector").type.list_size),
    ]
    return pa.Table.from_arrays(columns, schema=schema)

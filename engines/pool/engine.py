"""The pool stage's engine: a shard's frame vectors in, one vector per video out."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data.outcome import Done, Failed, Outcome
from data.shards.receipts import Made, Receipt, Refused, Seconds, write_receipt
from data.store import layout, tables
from data.store.storage import Store
from engines.base import Needs, plugin

TOGETHER = 1024  # videos a row group


@dataclass(frozen=True, slots=True)
class ShardToPool:
    """A shard that embed has finished; `id` is the shard's."""

    id: str


class ShardPooler:
    """Reads a shard a few thousand frames at a time and writes its vectors, then its receipt."""

    needs = Needs()

    def __init__(self, store: Store, source: str, target: str, method: str) -> None:
        self.store, self.source, self.target, self.method = store, source, target, method

    def load(self) -> None:
        self._pooling = plugin("pool.methods", self.method)

    def run(self, batch: Sequence[ShardToPool]) -> Iterator[Outcome[Receipt]]:
        for shard in batch:
            yield Done(shard.id, self._pool(shard.id))

    def close(self) -> None:
        """Nothing to close."""

    def _pool(self, shard: str) -> Receipt:
        started = time.perf_counter()
        embedded = json.loads(self.store.read(layout.receipt(self.source, shard)))
        contents = {made["id"]: made["content"] for made in embedded["done"]}
        done: list[Made] = []
        failed: list[Refused] = []
        self._write(shard, self._vectors(shard, contents, done, failed) if contents else iter(()))
        receipt = Receipt(
            shard, embedded["attempt"], self._pooling.VERSION, tuple(done), tuple(failed),
            Seconds(wall=time.perf_counter() - started),
        )  # fmt: skip
        write_receipt(self.store, self.target, receipt)
        return receipt

    def _vectors(
        self, shard: str, contents: dict[str, str], done: list[Made], failed: list[Refused]
    ) -> Iterator[tuple[Made, np.ndarray]]:
        """Each video's vector; what cannot be pooled is entered as failed."""
        for id, frames in frames_by_video(self.store, layout.shard_file(self.source, shard)):
            outcome = pooled(id, frames, self._pooling.pool)
            if isinstance(outcome, Failed):
                failed.append(Refused.of(outcome, contents[id]))
                continue
            made = Made(id, contents[id], len(frames))
            done.append(made)
            yield made, outcome.value

    def _write(self, shard: str, vectors: Iterator[tuple[Made, np.ndarray]]) -> None:
        first = next(vectors, None)
        if first is None:
            return
        schema = tables.pooled(len(first[1]))
        name = layout.shard_file(self.target, shard)
        with tables.create(self.store, name, schema) as writer:
            waiting = [first]
            for row in vectors:
                if len(waiting) == TOGETHER:
                    writer.write_table(_table(waiting, schema))
                    waiting = []
                waiting.append(row)
            writer.write_table(_table(waiting, schema))


def pooled(
    id: str, frames: np.ndarray, pool: Callable[[np.ndarray], np.ndarray]
) -> Outcome[np.ndarray]:
    """A video's pooled vector, or why it has none."""
    if not len(frames):
        return Failed(id, "empty", "no frame vectors")
    if not np.isfinite(frames).all():
        return Failed(id, "rejected", "a frame vector is not finite: embed the video again")
    return Done(id, pool(frames))


def frames_by_video(store: Store, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Each video's (F, D) frame vectors, from a table where a video's rows stand together."""
    current, parts = None, []
    for batch in tables.batches(store, name):
        column = batch.column("vector")
        vectors = column.flatten().to_numpy(zero_copy_only=False)
        vectors = vectors.reshape(len(batch), column.type.list_size)
        ids = batch.column("video_id").to_numpy(zero_copy_only=False)
        for start, end in _runs(ids):
            if ids[start] != current and current is not None:
                yield current, np.concatenate(parts)
                parts = []
            current = ids[start]
            parts.append(vectors[start:end])
    if current is not None:
        yield current, np.concatenate(parts)


def _runs(ids: np.ndarray) -> Iterator[tuple[int, int]]:
    starts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1)] if len(ids) else []
    yield from zip(starts, [*starts[1:], len(ids)], strict=True)


def _table(rows: list[tuple[Made, np.ndarray]], schema: pa.Schema) -> pa.Table:
    vectors = np.concatenate([vector for _, vector in rows])
    columns = [
        pa.array([made.id for made, _ in rows]),
        pa.array([made.content for made, _ in rows]),
        pa.array([made.frames for made, _ in rows], pa.int32()),
        pa.FixedSizeListArray.from_arrays(pa.array(vectors), schema.field("vector").type.list_size),
    ]
    return pa.Table.from_arrays(columns, schema=schema)

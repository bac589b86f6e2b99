"""Encodes the texts of finished shards: once a video, never once a question."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from data.outcome import Done, Failed, Outcome
from data.shards.receipts import Receipt, Seconds, VideoRow, read_receipt, write_receipt
from data.specs.encode import EncodeSpec
from data.store import layout, tables
from data.store.storage import Store
from data.store.texts import explain_broken, read_texts
from engines.base import Needs, load_plugin
from engines.retrieve.text_rules import normalise


@dataclass(frozen=True, slots=True)
class ShardToEncode:
    """A shard that an annotator has finished; `id` is the shard's."""

    id: str


class TextEncoder:
    """Writes a vector of unit length for each text of a shard, in its order, then a receipt."""

    needs = Needs()

    def __init__(self, store: Store, source: str, target: str, spec: EncodeSpec) -> None:
        self.store, self.source, self.target, self.spec = store, source, target, spec

    def load(self) -> None:
        """Loads the encoder."""
        plugin = load_plugin("retrieve.encoders", self.spec.encoder)
        self._version, self._encoder = plugin.VERSION, plugin.Encoder(self.spec)
        self._encoder.load()

    def run(self, batch: Sequence[ShardToEncode]) -> Iterator[Outcome[Receipt[VideoRow]]]:
        """One receipt per shard, already written; Failed where its texts cannot be read."""
        for shard in batch:
            try:
                texts = self._read_texts(shard.id)
            except (pa.ArrowException, OSError) as error:  # cut off, or gone
                name = layout.shard_file(self.source, shard.id)
                yield Failed(shard.id, "undecodable", explain_broken(name, error))
            else:
                yield Done(shard.id, self._encode_shard(shard.id, texts))

    def close(self) -> None:
        """Nothing to close."""

    def _read_texts(self, shard: str) -> list[str]:
        name = layout.shard_file(self.source, shard)
        return [each.text for each in read_texts(self.store, name)]

    def _encode_shard(self, shard: str, texts: list[str]) -> Receipt[VideoRow]:
        started = time.perf_counter()
        annotated = read_receipt(self.store, self.source, shard)
        if texts:
            vectors = normalise(self._encoder.encode(texts)).astype(np.float16)
            write_vectors(self.store, layout.shard_file(self.target, shard), vectors)
        rows = tuple(VideoRow(**row) for row in annotated.done)  # type: ignore[typeddict-item]
        seconds = Seconds(wall=time.perf_counter() - started)
        receipt = Receipt(shard, annotated.attempt, self._version, rows, seconds)
        write_receipt(self.store, self.target, receipt)
        return receipt


def write_vectors(store: Store, name: str, vectors: np.ndarray) -> None:
    """Writes (n, dim) float16 vectors as a table."""
    dim = vectors.shape[1]
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dim)
    schema = pa.schema({"vector": pa.list_(pa.float16(), dim)})
    with tables.open_writer(store, name, schema) as writer:
        writer.write_table(pa.Table.from_arrays([column], schema=schema))


def read_vectors(store: Store, name: str) -> np.ndarray:
    """The vectors (n, dim) float16 of a table."""
    column = tables.read_table(store, name).column("vector").combine_chunks()
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)

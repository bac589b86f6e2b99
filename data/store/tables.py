"""The schemas of the store's Parquet tables, and how they are read and written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.store.storage import Store

VIDEOS = pa.schema(
    {
        "line": pa.int64(),
        "id": pa.string(),
        "uri": pa.string(),
        "caption": pa.string(),
        "columns": pa.string(),
        "bytes": pa.int64(),
        "stamp": pa.string(),
        "content": pa.string(),
        "duration": pa.float64(),
        "fps": pa.float64(),
        "width": pa.int32(),
        "height": pa.int32(),
        "codec": pa.string(),
        "rotation": pa.int32(),
        "reason": pa.string(),
        "detail": pa.string(),
        "note": pa.string(),
        "rejected": pa.bool_(),
        "decoder": pa.string(),  # the decoder that failed on it, with its version
    }
)

# Packs hold rows of many ingests: so each row has its ingest's number and source.
PACKED_VIDEOS = VIDEOS.append(pa.field("run", pa.int32())).append(pa.field("source", pa.string()))

HITS = pa.schema(
    {
        "prompt_id": pa.string(),
        "prompt": pa.string(),
        "rank": pa.int32(),
        "video_id": pa.string(),
        "score": pa.float32(),
        "uri": pa.string(),
        "caption": pa.string(),
        "start_sec": pa.float64(),  # null: the whole video; not in files of 0.1.0
        "end_sec": pa.float64(),
        "excluded": pa.int32(),  # null: nothing was to be left out; not in files of 0.1.0
    }
)

GENERATIONS = pa.schema(
    {
        "run": pa.string(),
        "request_id": pa.string(),
        "prompt_id": pa.string(),
        "prompt": pa.string(),
        "sample": pa.int32(),
        "seed": pa.int64(),
        "reason": pa.string(),
        "detail": pa.string(),
        "note": pa.string(),
        "file": pa.string(),
        "sha256": pa.string(),
        "frames": pa.int32(),
        "fps": pa.float64(),
        "width": pa.int32(),
        "height": pa.int32(),
        "engine": pa.string(),
        "spec": pa.string(),
        "model_digest": pa.string(),
        "controller_digest": pa.string(),
        "corpus": pa.string(),
        "index_version": pa.string(),
        "seconds": pa.float64(),
        "image": pa.string(),  # the first frame that the model started from; not in files of 0.1.0
        "hits": pa.list_(
            pa.struct(
                {
                    "rank": pa.int32(),
                    "video_id": pa.string(),
                    "content": pa.string(),
                    "score": pa.float64(),
                    "start_s": pa.float64(),
                    "weight": pa.float64(),
                    "uri": pa.string(),
                    "caption": pa.string(),
                    "excluded": pa.int32(),  # not in files of 0.1.0
                }
            )
        ),
    }
)

SCORES = pa.schema(
    {
        "condition": pa.string(),
        "controller": pa.string(),
        "k": pa.int32(),
        "shuffled": pa.bool_(),
        "run": pa.string(),
        "request_id": pa.string(),
        "prompt_id": pa.string(),
        "prompt": pa.string(),
        "metric": pa.string(),
        "value": pa.float64(),
        "reason": pa.string(),
        "content": pa.string(),  # of the video that was measured; not in files of 0.1.0
    }
)


EVALUATED_VIDEOS = pa.schema(
    {
        "id": pa.string(),
        "clip": pa.string(),
        "method": pa.string(),
        "uri": pa.string(),
        "content": pa.string(),
        "prompt": pa.string(),
        "reason": pa.string(),
        "detail": pa.string(),
        "frames": pa.int32(),
        "fps": pa.float64(),
        "width": pa.int32(),
        "height": pa.int32(),
    }
)

MEASURES = pa.schema(
    {
        "id": pa.string(),
        "clip": pa.string(),
        "method": pa.string(),
        "metric": pa.string(),
        "subject": pa.string(),  # null: the whole video
        "value": pa.float64(),
        "reason": pa.string(),
    }
)


def pooled_schema(dim: int) -> pa.Schema:
    """One vector per video: `dim` float32 numbers, of unit length."""
    return pa.schema(
        {
            "video_id": pa.string(),
            "content": pa.string(),
            "frames": pa.int32(),
            "vector": pa.list_(pa.float32(), dim),
        }
    )


@contextmanager
def open_writer(
    store: Store, name: str, schema: pa.Schema, **options: Any
) -> Iterator[pq.ParquetWriter]:
    """A Parquet writer whose file appears at the end of the block, or not at all if that raises."""
    with (
        store.create(name) as out,
        pq.ParquetWriter(out, schema, compression="zstd", **options) as writer,
    ):
        yield writer


def write_rows(store: Store, name: str, schema: pa.Schema, rows: list[dict[str, Any]]) -> None:
    """Writes a small table at once."""
    with open_writer(store, name, schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema))


def read_table(store: Store, name: str) -> pa.Table:
    """Reads a small table at once."""
    with store.open(name) as file, pq.ParquetFile(file) as parquet:
        return parquet.read()  # `pq.read_table` would load pandas first, for half a second


def iter_batches(store: Store, name: str, rows: int = 8192) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a table of any size, a few thousand at a time."""
    with store.open(name) as file, pq.ParquetFile(file) as parquet:
        yield from parquet.iter_batches(rows)

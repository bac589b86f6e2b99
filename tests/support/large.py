"""Corpora too large to be made step by step: written as an ingest and a stage leave them."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from data.records import Video
from data.shards.lists import Shard, shard_name, write_shard
from data.shards.receipts import Receipt, Seconds, done_row, write_receipt
from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.store import layout, tables
from data.workspace import Workspace
from engines.index.batches import to_unit
from support.wide_fakes import WideEmbedder

PART = 2000  # as ingests write them


def ingested(
    workspace: Workspace, corpus: str, count: int, broken: int = 0, before: int = 0
) -> None:
    """The parts of an ingest of `count` fakes of one frame, `broken` of which do not decode.

    The source's column `number` counts them, from `before` on, those of a first ingest.
    """
    every = count // broken if broken else count + 1
    folder, run = layout.ingests_folder(corpus), "000002" if before else "000001"
    workspace.store.write(f"{folder}/{run}.json", json.dumps({"source": "large"}).encode())
    for part, first in enumerate(range(before, before + count, PART)):
        numbers = range(first, min(first + PART, before + count))
        uris = [_uri(n, every) for n in numbers]
        given: dict[str, Any] = {
            "line": numbers, "id": [id_of(n) for n in numbers], "uri": uris,
            "caption": [caption_of(n) for n in numbers], "stamp": ["fake"] * len(numbers),
            "bytes": [len(uri) for uri in uris], "content": [content_of(n) for n in numbers],
            "duration": np.full(len(numbers), 10.0),
            "columns": [f'{{"number": {n}}}' for n in numbers],
            "rejected": np.zeros(len(numbers), bool),
        }  # fmt: skip
        columns = [pa.array(given.get(each.name, [None] * len(numbers)), each.type)
                   for each in tables.VIDEOS]  # fmt: skip
        name = f"{layout.videos_folder(corpus)}/{run}-{part:06d}.parquet"
        with tables.open_writer(workspace.store, name, tables.VIDEOS) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=tables.VIDEOS))


def finished(workspace: Workspace, stage: Stage, count: int, size: int) -> None:
    """The lists and receipts of an embed stage that is through, `size` videos a shard."""
    for shard in _shards(count, size):
        write_shard(workspace.store, stage.folder, shard)
        rows = tuple(done_row(video.id, video.content, 8) for video in shard.items)
        receipt = Receipt(shard.id, 1, "1", rows, Seconds(wall=30.0))
        write_receipt(workspace.store, stage.folder, receipt)


def pooled(workspace: Workspace, stage: Stage, count: int, size: int) -> None:
    """What pooling them leaves: the vectors that the wide fakes have, and receipts."""
    schema, model = tables.pooled_schema(WideEmbedder.dim), WideEmbedder(EmbedSpec(engine="fake"))
    for shard in _shards(count, size):
        rows = tuple(done_row(video.id, video.content, 1) for video in shard.items)
        vectors = to_unit(model.embed_uris([str(video.uri) for video in shard.items]))
        columns = [
            [row["id"] for row in rows], [row["content"] for row in rows],
            pa.array([1] * len(rows), pa.int32()),
            pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), model.dim),
        ]  # fmt: skip
        name = layout.shard_file(stage.folder, shard.id)
        with tables.open_writer(workspace.store, name, schema) as writer:
            writer.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], schema=schema))
        receipt = Receipt(shard.id, 1, "1", rows, Seconds(wall=1.0))
        write_receipt(workspace.store, stage.folder, receipt)


def _shards(count: int, size: int) -> Iterator[Shard]:
    for number, first in enumerate(range(0, count, size)):
        numbers = range(first, min(first + size, count))
        videos = tuple(Video(id_of(n), _uri(n), content_of(n), 10.0) for n in numbers)
        yield Shard(shard_name(number), 1, videos)


def id_of(n: int) -> str:
    """The id of a video by its number."""
    return f"video-{n:07d}"


def caption_of(n: int) -> str:
    """The caption of a video by its number."""
    return f"a thing, take {n}"


def _uri(n: int, broken: int = 0) -> str:
    """Every `broken`-th does not decode."""
    fault = "&fault=undecodable" if broken and n % broken == broken - 1 else ""
    return f"fake://{n}?frames=1{fault}"


def content_of(n: int) -> str:
    """The content of a video by its number."""
    return f"sha256:{n:064x}"

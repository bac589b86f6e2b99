"""A backfill in a thousand shards, whole; and what planning takes beside a million videos."""

import json
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import psutil
import pyarrow as pa
from bench import watched
from bench.figures import Figure
from bench.job import Job

from data import layout, merge, tables
from data.backfill import left
from data.receipts import Made, Receipt, Seconds, write_receipt
from data.records import Video
from data.settings import Settings
from data.shards import Shard, pending, shard_name, write_shard
from data.specs import EmbedSpec
from data.workplace import Workplace, open_workplace
from tasks.plan import plan
from tasks.stages import embed_stage

CORPUS, SPEC, SIZE, PART = "million", EmbedSpec(engine="fake"), 500, 100_000
T = TypeVar("T")


def measure(job: Job) -> Iterator[Figure]:
    yield from _whole(job)
    yield from _planning(job)


def _whole(job: Job) -> Iterator[Figure]:
    """A hundred videos a shard, a hundred shards a window, all in one process."""
    folder, count = job.scratch / "windows", job.size(100_000, 2_000)
    settings = {"shard_size": 100, "runner": "in_process"}
    source = {"source": f"fake://{count}?frames=2", "corpus": "fakes", "probe": False}
    watched.stages(folder, [["ingest", source]], **settings)
    words = ("backfill", "embed", "--corpus", "fakes", "--engine", "fake", "--take-every-nth", "1",
             "--window", "10000", "--approve", "--json")  # fmt: skip
    ran = watched.command(*words, folder=folder, **settings)
    assert (ran.said["planned"], ran.said["left"]) == (count, 0)
    yield Figure("backfill", f"{count:,} fakes in {count // 100:,} shards", ran.seconds, "s")
    yield Figure("backfill", "memory of its process at most, PSS", ran.pss["driver"], "MB")


def _planning(job: Job) -> Iterator[Figure]:
    count = job.size(1_000_000, 20_000)
    place = open_workplace(Settings(root=str(job.scratch / "million"), shard_size=SIZE))
    _ingested(place, count)
    stage = embed_stage(place, CORPUS, SPEC)
    with place.catalog() as catalog:
        merge.sync_videos(catalog, place.store, CORPUS)
    where = "number % 2 = 0 and duration > 5"
    planned, seconds = _timed(lambda: left(place, stage, where, 0))
    assert planned.videos == count // 2
    yield Figure("backfill", f"videos in the catalogue: {count:,}; planned", planned.videos, "")
    yield Figure("backfill", "planning a backfill", seconds, "s", most=2)
    _finished(place, count)
    with place.catalog() as catalog:
        merge.sync_stage(catalog, place.store, CORPUS, "embed", stage.fingerprint)
    shards, seconds = _timed(lambda: plan.fn(place, stage))
    assert shards == pending(place.store, stage.folder) == []
    yield Figure("backfill", "planning again, when complete", seconds, "s", most=10)
    done, seconds = _timed(lambda: left(place, stage, "true", 0))
    assert done.videos == 0
    yield Figure("backfill", "planning a backfill, when complete", seconds, "s")
    memory = psutil.Process().memory_info().rss / 2**20
    yield Figure("backfill", "memory of the process that planned", memory, "MB")


def _ingested(place: Workplace, count: int) -> None:
    """The parts of an ingest, as it leaves them."""
    folder = layout.ingests(CORPUS)
    place.store.write(f"{folder}/000001.json", json.dumps({"source": "bench"}).encode())
    for part, first in enumerate(range(0, count, PART)):
        numbers = np.arange(first, min(first + PART, count))
        rows: dict[str, object] = dict.fromkeys(tables.VIDEOS.names, pa.nulls(len(numbers)))
        rows |= {
            "line": numbers, "id": [_id(n) for n in numbers], "uri": [_uri(n) for n in numbers],
            "content": [_content(n) for n in numbers], "duration": np.full(len(numbers), 10.0),
            "columns": [f'{{"number": {n}}}' for n in numbers],
            "rejected": np.zeros(len(numbers), bool),
        }  # fmt: skip
        columns = [pa.array(rows[each.name], each.type) if not isinstance(rows[each.name], pa.Array)
                   else rows[each.name].cast(each.type) for each in tables.VIDEOS]  # fmt: skip
        name = f"{layout.videos(CORPUS)}/000001-{part:06d}.parquet"
        with tables.create(place.store, name, tables.VIDEOS) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=tables.VIDEOS))


def _finished(place: Workplace, count: int) -> None:
    """The lists and receipts of an embed stage that is through."""
    folder = embed_stage(place, CORPUS, SPEC).folder
    for number, first in enumerate(range(0, count, SIZE)):
        numbers = range(first, min(first + SIZE, count))
        videos = tuple(Video(_id(n), _uri(n), _content(n), 10.0) for n in numbers)
        made = tuple(Made(video.id, video.content, 8) for video in videos)
        write_shard(place.store, folder, Shard(shard_name(number), 1, videos))
        receipt = Receipt(shard_name(number), 1, "1", made, (), Seconds(wall=30.0))
        write_receipt(place.store, folder, receipt)


def _id(n: int) -> str:
    return f"video-{n:07d}"


def _uri(n: int) -> str:
    return f"fake://{n}"


def _content(n: int) -> str:
    return f"sha256:{n:064x}"


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started

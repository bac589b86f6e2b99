"""A corpus as many small ingests leave it, each embedded by itself, without running them."""

import json
from dataclasses import replace

import numpy as np

from data.records import Video
from data.shards.lists import Shard, shard_name, write_shard
from data.shards.receipts import Receipt, Seconds, done_row, write_receipt
from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.store import layout, tables
from data.store.frame_vectors import FrameVectorWriter
from data.workspace import Workspace
from engines.embed.frame_packer import FrameVectors
from tasks.stages import register_embed

SPEC = EmbedSpec(engine="fake", every_nth=1)
FRAMES, DIM = 8, 64


def nights(workspace: Workspace, corpus: str, count: int, each: int = 2) -> Stage:
    """`count` ingests of `each` new videos, embedded one shard a night; the stage."""
    stage = register_embed(workspace, corpus, SPEC)
    for night in range(count):
        videos = tuple(video(night, number) for number in range(each))
        ingested(workspace, corpus, night + 1, f"night-{night}", videos)
        embedded(workspace, stage, night, videos)
    return stage


def video(night: int, number: int) -> Video:
    """A fake, 10 s long."""
    name = f"{night:04d}-{number}"
    return Video(f"video-{name}", f"fake://{name}?frames={FRAMES}", f"sha256:{name}", 10.0)


def ingested(
    workspace: Workspace, corpus: str, run: int, source: str, videos: tuple[Video, ...],
    rejected: int = 0, ended: bool = True,
) -> None:  # fmt: skip
    """What an ingest leaves: its header, a part, and that it ended."""
    header = f"{layout.ingests_folder(corpus)}/{run:06d}"
    said = {"run": run, "source": source, "finished": "2026-01-01T00:00:00+00:00"}
    workspace.store.write(f"{header}.json", json.dumps(said).encode())
    empty = dict.fromkeys(tables.VIDEOS.names) | {"columns": "{}"}
    rows = [
        empty | {"line": line, "id": v.id, "uri": v.uri, "content": v.content,
                 "duration": v.duration, "rejected": False}
        for line, v in enumerate(videos)
    ]  # fmt: skip
    rows += [
        empty | {"line": len(videos) + n, "reason": "rejected", "detail": "no id", "rejected": True}
        for n in range(rejected)
    ]
    name = f"{layout.videos_folder(corpus)}/{run:06d}-000000.parquet"
    tables.write_rows(workspace.store, name, tables.VIDEOS, rows)
    if ended:
        said |= {"rows": len(rows)}
        workspace.store.write(f"{header}-done.json", json.dumps(said).encode())


def embedded(
    workspace: Workspace, stage: Stage, number: int, videos: tuple[Video, ...], attempt: int = 1
) -> None:
    """What embedding a shard leaves: list, vectors that follow from the contents, receipt."""
    shard = shard_name(number)
    write_shard(workspace.store, stage.folder, Shard(shard, attempt, videos))
    with FrameVectorWriter(workspace.store, layout.shard_file(stage.folder, shard)) as table:
        for each in videos:
            vectors = _vectors(each)
            table.add(each.id, vectors.frame, vectors.seconds, vectors.vector)
    rows = tuple(done_row(v.id, v.content, FRAMES) for v in videos)
    receipt = Receipt(shard, attempt, "1", rows, Seconds(wall=30.0, decode=20.0))
    finished = f"2026-01-{1 + number // 24 % 28:02d}T{number % 24:02d}:00:00+00:00"
    write_receipt(workspace.store, stage.folder, replace(receipt, finished=finished))


def _vectors(video: Video) -> FrameVectors:
    seed = int.from_bytes(video.content[-8:].encode(), "little")
    made = np.random.default_rng(seed).standard_normal((FRAMES, DIM)).astype(np.float16)
    return FrameVectors(np.arange(FRAMES), np.arange(FRAMES) / 25.0, made, 0.0, 0.0, 0.0)

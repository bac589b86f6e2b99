"""The embed stage's tasks: one shard, and the canary that is asked before any."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.outcome import Done, Outcome
from data.records import Video
from data.shards.lists import read_shard
from data.shards.receipts import Made, Receipt, Refused, Seconds, write_receipt
from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.store import layout, tables
from data.store.storage import Store
from data.workspace import Workspace
from engines.base import Engine, Runner, plugin
from engines.embed.engine import VideoEmbedder
from engines.embed.frame_packer import Vectors
from tasks.progress import Progress
from tasks.retry import decoder, shard_task
from tasks.workers import embed_work, embed_workers

log = logging.getLogger(__name__)

ROWS = 4096  # frames a row group: 4 MB at 512 dimensions


class Embedding:
    """One run of the stage: where it works, with which engine, on which runner."""

    def __init__(self, workspace: Workspace, stage: Stage, spec: EmbedSpec, runner: Runner) -> None:
        self.workspace, self.stage, self.runner = workspace, stage, runner
        self.work = embed_work(workspace.settings)
        self.make: Callable[[], Engine] = partial(VideoEmbedder, spec, self.work)
        self.version: str = plugin("embed.models", spec.engine).VERSION
        self.decoder = decoder()
        self.progress, self.held_since = Progress("embed", 0), time.monotonic()


@shard_task("embed")
def embed_shard_task(run: Embedding, shard: str) -> Receipt:
    """Prefect's skin over `embed_shard`."""
    return embed_shard(run, shard)


def embed_shard(run: Embedding, shard: str) -> Receipt:
    """Embeds a shard's videos, writes their vectors, then the receipt: in that order."""
    started = time.perf_counter()
    store, folder = run.workspace.store, run.stage.folder
    planned = read_shard(store, folder, shard)
    books = _Books({v.id: v for v in planned.videos}, run.decoder)
    outcomes = run.runner.map(run.make, planned.videos, run.workspace.settings.batch)
    kept = books.keep(outcomes, run.progress)
    write_s = write_vectors(store, layout.shard_file(folder, shard), kept)
    wall = time.perf_counter() - started
    seconds = Seconds(wall, books.read_s, books.decode_s, books.model_s, write_s)
    receipt = Receipt(
        shard, planned.attempt, run.version, tuple(books.done), tuple(books.failed), seconds,
        embed_workers(run.workspace.settings), run.work.decoders,
    )  # fmt: skip
    write_receipt(store, folder, receipt)
    _log(receipt)
    return receipt


def _log(receipt: Receipt) -> None:
    spent = receipt.seconds
    log.info(
        "shard %s: %d done, %d failed in %.1f s (read %.1f, decode %.1f, model %.1f, write %.1f)",
        receipt.shard, len(receipt.done), len(receipt.failed), spent.wall, spent.read,
        spent.decode, spent.model, spent.write,
    )  # fmt: skip


@dataclass(slots=True)
class _Books:
    """What came of each video of a shard."""

    videos: dict[str, Video]
    decoder: str
    done: list[Made] = field(default_factory=list)
    failed: list[Refused] = field(default_factory=list)
    read_s: float = 0.0
    decode_s: float = 0.0
    model_s: float = 0.0

    def keep(
        self, outcomes: Iterable[Outcome[Vectors]], progress: Progress
    ) -> Iterator[tuple[str, Vectors]]:
        """Enters each outcome, and gives on the vectors of those that went through."""
        for outcome in outcomes:
            video = self.videos[outcome.id]
            hours = (video.duration or 0) / 3600
            if isinstance(outcome, Done):
                self._enter(video, outcome.value)
                yield outcome.id, outcome.value
                progress.add(done=1, hours=hours)
            else:
                self.failed.append(Refused.of(outcome, video.content, self.decoder))
                progress.add(failed=1, hours=hours)

    def _enter(self, video: Video, vectors: Vectors) -> None:
        self.done.append(Made(video.id, video.content, len(vectors.frame)))
        self.read_s += vectors.read_s
        self.decode_s += vectors.decode_s
        self.model_s += vectors.model_s


def write_vectors(store: Store, name: str, vectors: Iterable[tuple[str, Vectors]]) -> float:
    """Writes vectors as they come; the seconds that writing alone took."""
    spent, rows, writer = 0.0, 0, None
    waiting: list[tuple[str, Vectors]] = []
    with ExitStack() as stack:
        for id, made in vectors:
            started = time.perf_counter()
            schema = tables.frames(made.vector.shape[1])
            writer = writer or stack.enter_context(tables.create(store, name, schema))
            waiting.append((id, made))
            rows += len(made.frame)
            if rows >= ROWS:
                _flush(writer, waiting)
                rows = 0
            spent += time.perf_counter() - started
        started = time.perf_counter()
        if writer:
            _flush(writer, waiting)
        stack.close()
        return spent + time.perf_counter() - started


def _flush(writer: pq.ParquetWriter, waiting: list[tuple[str, Vectors]]) -> None:
    if waiting:
        writer.write_table(frame_rows(waiting))
        waiting.clear()


def frame_rows(videos: Sequence[tuple[str, Vectors]]) -> pa.Table:
    """The frame vectors of videos, one after the other, as rows of `tables.frames`."""
    made = [vectors for _, vectors in videos]
    vector = np.concatenate([each.vector for each in made])
    video = np.repeat(np.arange(len(made)), [len(each.frame) for each in made])
    columns = [
        pa.array([id for id, _ in videos], pa.string()).take(pa.array(video)),
        pa.array(np.concatenate([each.frame for each in made])),
        pa.array(np.concatenate([each.seconds for each in made])),
        pa.FixedSizeListArray.from_arrays(pa.array(vector.reshape(-1)), vector.shape[1]),
    ]
    return pa.Table.from_arrays(columns, schema=tables.frames(vector.shape[1]))

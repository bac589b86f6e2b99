"""The remaining work of a backfill: an estimate, and a list of it that is read once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pyarrow.parquet as pq

from data.catalog.database import catalog_path, load_sql
from data.catalog.filters import select_unlisted, select_videos
from data.records import Video
from data.shards.lists import exclude_done, list_done, list_shards
from data.shards.spans import find_span
from data.shards.stages import Stage, read_spec
from data.specs.models import describe_model
from data.specs.pipeline import EmbedSpec
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace

ROWS = 5000  # of the list of videos, read at a time


@dataclass(frozen=True, slots=True)
class RemainingWork:
    """How much of a backfill is left.

    `matching` contents meet the condition; `videos` are those of them that no shard of the stage
    lists yet. `pending` shards are listed but not finished; `hours` of video, and all estimates,
    include both. `worker_hours` is estimated from the corpus's receipts, None without any;
    `wall_hours` (of `workers` together) and `cost` follow from it. `shards` and `windows` are the
    remaining ones, pending ones included; `shards_done` are finished.
    """

    stage: str
    corpus: str
    fingerprint: str
    where: str
    matching: int
    videos: int
    hours: float
    pending: int
    worker_hours: float | None
    workers: int
    wall_hours: float | None
    cost: float | None
    shards: int
    shards_done: int
    windows: int
    model: str = ""


def estimate_remaining(
    workspace: Workspace, stage: Stage, where: str, workers: int = 1, window: int = 5000
) -> RemainingWork:
    """Estimates the work left, done `window` videos at a time; the catalogue must be up to date."""
    done = list_done(workspace.store, stage.folder)
    pending = exclude_done(list_shards(workspace.store, stage.folder), done)
    path = catalog_path(workspace.store, workspace.settings.catalog)
    wait_s = workspace.settings.wait_s
    with select_videos(path, stage.corpus, [where], wait_s) as videos:
        matching = videos.aggregate("count(DISTINCT content)").fetchall()[0][0]
    with select_unlisted(path, stage, [where], wait_s) as videos:
        totals = videos.aggregate("count(*), coalesce(sum(duration), 0) / 3600").fetchall()[0]
    count, hours = int(totals[0]), float(totals[1])
    pending_videos, pending_hours = _sum_listed(workspace, stage, pending)
    # Pending shards were planned by an earlier run, and are paid for by this one.
    worker_hours = _estimate_worker_hours(
        workspace, stage, count + pending_videos, hours + pending_hours
    )
    wall_hours = cost = None
    if worker_hours is not None:
        wall_hours = worker_hours / workers
        cost = worker_hours * workspace.settings.price_per_gpu_hour
    shards, windows = _count_remaining(workspace, len(pending), count, window)
    spec = read_spec(workspace.store, stage, EmbedSpec)
    return RemainingWork(
        stage.kind, stage.corpus, stage.fingerprint, where, matching, count,
        hours + pending_hours,
        len(pending), worker_hours, workers, wall_hours, cost, shards,
        _count_numbers(done), windows, describe_model(spec),
    )  # fmt: skip


def count_shards(workspace: Workspace, videos: int) -> int:
    """How many shards it takes to list so many videos."""
    return ceil(videos / workspace.settings.shard_size)


@contextmanager
def open_unlisted(workspace: Workspace, stage: Stage, where: str) -> Iterator[Iterator[Video]]:
    """The videos to embed, ordered by content, as the catalogue has them when the block begins.

    They are asked for once, however many windows they are embedded in, and wait in a file: a
    backfill may take weeks, in which others need the catalogue.
    """
    path = catalog_path(workspace.store, workspace.settings.catalog)
    with TemporaryFolder() as folder:
        file = Path(folder) / "unlisted.parquet"
        with select_unlisted(path, stage, [where], workspace.settings.wait_s, True) as videos:
            columns = videos.project("id, uri, content, duration, bytes, stamp")
            # In a fixed order, so that any machine lists the same windows.
            reader = columns.order("content").to_arrow_reader(ROWS)
            with pq.ParquetWriter(file, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
        yield _read_videos(file)


def _read_videos(file: Path) -> Iterator[Video]:
    with pq.ParquetFile(file) as table:
        for batch in table.iter_batches(ROWS):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield Video(*row)


def _count_remaining(
    workspace: Workspace, pending: int, videos: int, window: int
) -> tuple[int, int]:
    """The shards and windows that are left; each window of new videos begins a new shard."""
    # So the last shard of a window can be smaller than the others.
    whole, rest = divmod(videos, window)
    shards = whole * count_shards(workspace, window) + count_shards(workspace, rest)
    return pending + shards, ceil(pending / count_shards(workspace, window)) + ceil(videos / window)


def _count_numbers(names: list[str]) -> int:
    """How many shards the names stand for, a pack for all those in it."""
    spans = filter(None, map(find_span, names))
    return sum(1 + span.last - span.first for span in spans)


def _sum_listed(workspace: Workspace, stage: Stage, shards: list[str]) -> tuple[int, float]:
    """The number of videos that these shards list, and their hours."""
    if not shards:
        return 0, 0.0
    with workspace.open_catalog() as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}
        return catalog.execute(load_sql("shard_totals"), shards=shards, **values)[0]  # type: ignore[return-value]


def _estimate_worker_hours(
    workspace: Workspace, stage: Stage, videos: int, hours: float
) -> float | None:
    """Estimates by the hours of video where these are known, else by the number of videos."""
    if not videos:
        return 0.0  # nothing left costs nothing, with or without receipts
    with workspace.open_catalog() as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}
        rows = catalog.execute(load_sql("worker_seconds_per_hour"), **values)
    # Videos of imported vectors have no durations.
    per_hour, per_video = rows[0] if rows else (None, None)
    if hours and per_hour is not None:
        return per_hour * hours / 3600
    return None if per_video is None else per_video * videos / 3600

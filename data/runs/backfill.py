"""What a backfill would do: how much there is, how much is left, what that takes."""

from dataclasses import dataclass
from math import ceil

from data.catalog.database import catalog_path, sql
from data.catalog.filters import chosen, unlisted
from data.records import Video
from data.shards.lists import Shard, names, next_number, shard_name, without, write_shard
from data.shards.spans import span
from data.shards.stages import Stage
from data.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Left:
    """Of the contents that a condition names, those that no shard of the stage lists yet.

    `pending` are shards that were planned and not finished; `hours` of video, and what follows,
    are of both. `worker_hours` is an estimate from the receipts of the corpus, None where there
    are none to learn from; `wall_hours`, of so many `workers` together, and `cost` follow from it.
    `shards` and `windows` are those to come, the pending ones among them, beside `shards_done`.
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


def left(
    workspace: Workspace, stage: Stage, where: str, workers: int = 1, window: int = 5000
) -> Left:
    """What is left to do, `window` videos at a time; the catalogue must be up to the store."""
    done = names(workspace.store, stage.folder, "receipts")
    pending = without(names(workspace.store, stage.folder, "shards"), done)
    path, wait_s = (
        catalog_path(workspace.store, workspace.settings.catalog),
        workspace.settings.wait_s,
    )
    with chosen(path, stage.corpus, [where], wait_s) as videos:
        matching = videos.aggregate("count(DISTINCT content)").fetchall()[0][0]
    with unlisted(path, stage, [where], wait_s) as videos:
        summed = videos.aggregate("count(*), coalesce(sum(duration), 0) / 3600").fetchall()[0]
    count, hours = int(summed[0]), float(summed[1])
    listed, listed_hours = _listed(workspace, stage, pending)
    takes = _worker_hours(workspace, stage, count + listed, hours + listed_hours)
    wall, cost = (None, None) if takes is None else (
        takes / workers, takes * workspace.settings.price_per_gpu_hour
    )  # fmt: skip
    shards, turns = _to_come(workspace, len(pending), count, window)
    return Left(
        stage.kind, stage.corpus, stage.fingerprint, where, matching, count, hours + listed_hours,
        len(pending), takes, workers, wall, cost, shards, _numbers(done), turns,
    )  # fmt: skip


def shards_of(workspace: Workspace, videos: int) -> int:
    """How many shards list so many videos."""
    return ceil(videos / workspace.settings.shard_size)


def take(workspace: Workspace, stage: Stage, where: str, count: int) -> list[str]:
    """Writes shards of the next `count` videos, ordered by content; their names."""
    path, wait_s = (
        catalog_path(workspace.store, workspace.settings.catalog),
        workspace.settings.wait_s,
    )
    with unlisted(path, stage, [where], wait_s) as videos:
        rows = videos.order("content").limit(count).fetchall()
    size = workspace.settings.shard_size
    first = next_number(workspace.store, stage.folder)
    shards: list[str] = []
    for at in range(0, len(rows), size):
        listed = tuple(Video(id, uri, content, d) for content, id, uri, d in rows[at : at + size])
        shards.append(shard_name(first + len(shards)))
        write_shard(workspace.store, stage.folder, Shard(shards[-1], 1, listed))
    return shards


def _to_come(workspace: Workspace, pending: int, videos: int, window: int) -> tuple[int, int]:
    """Shards and windows of what is left; a window of new videos begins a shard of its own."""
    whole, rest = divmod(videos, window)
    shards = whole * shards_of(workspace, window) + shards_of(workspace, rest)
    return pending + shards, ceil(pending / shards_of(workspace, window)) + ceil(videos / window)


def _numbers(names: list[str]) -> int:
    """How many shards the names are, a pack as many as it stands for."""
    spans = filter(None, map(span, names))
    return sum(1 + each.last - each.first for each in spans)


def _listed(workspace: Workspace, stage: Stage, shards: list[str]) -> tuple[int, float]:
    """Videos that these shards list, and their hours."""
    if not shards:
        return 0, 0.0
    with workspace.catalog() as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "fingerprint": stage.fingerprint}
        return catalog.execute(sql("planned"), shards=shards, **values)[0]  # type: ignore[return-value]


def _worker_hours(workspace: Workspace, stage: Stage, videos: int, hours: float) -> float | None:
    """By hours of video where they are known, else by videos."""
    if not videos:
        return 0.0
    with workspace.catalog() as catalog:
        values = {"corpus": stage.corpus, "stage": stage.kind, "print": stage.fingerprint}
        found = catalog.execute(sql("pace"), **values)
    per_hour, per_video = found[0] if found else (None, None)
    if hours and per_hour is not None:
        return per_hour * hours / 3600
    return None if per_video is None else per_video * videos / 3600

"""Shards: written lists of videos, decided once and never recomputed."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from data import layout
from data.records import Video
from data.storage import Store


@dataclass(frozen=True, slots=True)
class Shard:
    """A unit of work and of retry; `attempt` counts from 1 and grows when failures are retried."""

    id: str
    attempt: int
    videos: tuple[Video, ...]


def shard_name(number: int) -> str:
    return f"{number:06d}"


def write_shard(store: Store, folder: str, shard: Shard) -> None:
    store.write(layout.shard_list(folder, shard.id), json.dumps(asdict(shard)).encode())


def read_shard(store: Store, folder: str, shard: str) -> Shard:
    said = json.loads(store.read(layout.shard_list(folder, shard)))
    return Shard(said["id"], said["attempt"], tuple(Video(**v) for v in said["videos"]))


def write_shards(
    store: Store, folder: str, first: int, attempt: int, lists: Iterable[list[Video]]
) -> int:
    """Writes each list as a shard, numbered from `first`; gives how many there were."""
    number = first
    for number, videos in enumerate(lists, first):
        write_shard(store, folder, Shard(shard_name(number), attempt, tuple(videos)))
        number += 1
    return number - first

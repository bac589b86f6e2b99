"""Shards: written lists of videos, decided once and never recomputed."""

import json
import re
from dataclasses import asdict, dataclass

from data.errors import UserError
from data.records import Video
from data.shards.spans import span, uncovered
from data.store import layout
from data.store.storage import Store

NAME = re.compile(r"[0-9]{6,}(-to-[0-9]{6,})?")


@dataclass(frozen=True, slots=True)
class Shard:
    """A unit of work and of retry; `attempt` counts from 1 and grows when failures are retried."""

    id: str
    attempt: int
    videos: tuple[Video, ...]


def shard_name(number: int) -> str:
    """A name that sorts as the number does."""
    return f"{number:06d}"


def next_number(store: Store, folder: str) -> int:
    """The number of the next shard to list: one more than any that was."""
    spans = [span(name) for name in names(store, folder, "shards")]
    return max((each.last + 1 for each in spans if each), default=0)


def write_shard(store: Store, folder: str, shard: Shard) -> None:
    """Writes the list into its stage's folder."""
    store.write(layout.shard_list(folder, shard.id), json.dumps(asdict(shard)).encode())


def read_shard(store: Store, folder: str, shard: str) -> Shard:
    """The list as it was written; a UserError where that is no shard's name."""
    if not NAME.fullmatch(shard):  # whoever starts a run of one window gives names
        raise UserError(f"{shard!r} names no shard: their names are numbers, as 000012")
    said = json.loads(store.read(layout.shard_list(folder, shard)))
    return Shard(said["id"], said["attempt"], tuple(Video(**v) for v in said["videos"]))


def names(store: Store, folder: str, part: str) -> list[str]:
    """The shards that have a list (`part` is "shards") or a receipt ("receipts"), in order.

    Where shards were packed into one, it is the pack.
    """
    files = store.names(f"{folder}/{part}", ".json")
    return uncovered(f.rsplit("/", 1)[-1].removesuffix(".json") for f in files)


def pending(store: Store, folder: str) -> list[str]:
    """The shards that are planned and have no receipt yet."""
    return without(names(store, folder, "shards"), names(store, folder, "receipts"))


def without(shards: list[str], done: list[str]) -> list[str]:
    """The shards that are neither among those done, nor packed into one of these."""
    there = set(done)
    return sorted(shard for shard in uncovered({*shards, *done}) if shard not in there)

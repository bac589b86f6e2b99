"""Shards: written lists of items, decided once and never recomputed."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from data.batches import iter_batches
from data.errors import UserError
from data.shards.spans import drop_covered, find_span
from data.store import layout
from data.store.storage import Store

NAME = re.compile(r"[0-9]{6,}(-to-[0-9]{6,})?")
# Stores of reelflow 0.1.0 call the items of a list by their kind.
OLD_KEYS = ("videos", "targets", "clips")

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Shard(Generic[Item]):
    """A unit of work and of retry.

    Items are dataclasses with an `id` that is unique in the shard. `attempt` counts from 1 and
    grows when failures are retried.
    """

    id: str
    attempt: int
    items: tuple[Item, ...]


def shard_name(number: int) -> str:
    """The name of a shard; names sort as their numbers do."""
    return f"{number:06d}"


def next_number(store: Store, folder: str) -> int:
    """The number of the next shard to list: one more than the highest ever given."""
    spans = [find_span(name) for name in list_shards(store, folder)]
    return max((each.last + 1 for each in spans if each), default=0)


def write_shard(store: Store, folder: str, shard: Shard[Any]) -> None:
    """Writes the list into its stage's folder."""
    store.write(layout.shard_list(folder, shard.id), json.dumps(asdict(shard)).encode())


def add_shards(
    store: Store, folder: str, items: Iterable[Any], size: int, attempt: int = 1,
    first: int | None = None,
) -> list[str]:  # fmt: skip
    """Lists the items in new shards of `size`; their names. Items are read as they are needed.

    `first` is the number of the first, for a caller that knows the next; else names are looked at.
    """
    number, names = next_number(store, folder) if first is None else first, list[str]()
    for some in iter_batches(items, size):
        names.append(shard_name(number + len(names)))
        write_shard(store, folder, Shard(names[-1], attempt, tuple(some)))
    return names


def read_shard(
    store: Store, folder: str, shard: str, read_item: Callable[[dict[str, Any]], Item]
) -> Shard[Item]:
    """The list as it was written, also by 0.1.0; `read_item` makes an item of its JSON object.

    A UserError where `shard` is not a shard's name.
    """
    payload = json.loads(store.read(layout.shard_list(folder, _check_name(shard))))
    key = next(key for key in ("items", *OLD_KEYS) if key in payload)
    items = tuple(read_item(item) for item in payload[key])
    return Shard(payload["id"], payload.get("attempt", 1), items)


def list_shards(store: Store, folder: str) -> list[str]:
    """Names of the shards that have a list, in order; a pack in place of what it stands for."""
    return _list_names(store, f"{folder}/shards")


def list_done(store: Store, folder: str) -> list[str]:
    """Names of the shards that have a receipt, in order; a pack in place of what it stands for."""
    return _list_names(store, f"{folder}/receipts")


def list_pending(store: Store, folder: str) -> list[str]:
    """Names of the shards that are listed and have no receipt yet."""
    return exclude_done(list_shards(store, folder), list_done(store, folder))


def select_pending(store: Store, folder: str, shards: Iterable[str]) -> list[str]:
    """Those of some shards that have no receipt yet; looks at no others."""
    return [shard for shard in shards
            if not store.exists(layout.receipt_file(folder, _check_name(shard)))]  # fmt: skip


def exclude_done(shards: Iterable[str], done: Iterable[str]) -> list[str]:
    """The shards that are neither done nor packed into one that is."""
    finished = set(done)
    return sorted(shard for shard in drop_covered({*shards, *finished}) if shard not in finished)


def _check_name(shard: str) -> str:
    if not NAME.fullmatch(shard):  # whoever starts a run of one window passes names
        raise UserError(f"invalid shard name {shard!r}: names are numbers such as 000012")
    return shard


def _list_names(store: Store, folder: str) -> list[str]:
    files = store.list_names(folder, ".json")
    return drop_covered(file.rsplit("/", 1)[-1].removesuffix(".json") for file in files)

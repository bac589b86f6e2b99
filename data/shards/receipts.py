"""Receipts: the last thing a shard writes, and the only thing that makes it done."""

import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, NotRequired, TypedDict, TypeVar

from data.outcome import Failed
from data.stamps import utc_now
from data.store import layout
from data.store.storage import Store

DETAIL = 500  # characters of a failure's detail that are kept


class VideoRow(TypedDict):
    """A video of a shard: how many frame vectors it has, or why it has none.

    `reason` is None where it went through; `decoder` is what refused it, with its version.
    `damaged` packets gave no frame; left out where there are none. `note` says what a video lacks
    that went through, such as an audio track.
    """

    id: str
    content: str
    frames: int
    reason: str | None
    detail: NotRequired[str]
    decoder: NotRequired[str | None]
    damaged: NotRequired[int]
    note: NotRequired[str]


Row = TypeVar("Row", bound=Mapping[str, Any])


@dataclass(frozen=True, slots=True)
class Seconds:
    """Where a shard's time went; read, decode and model add up over workers, wall does not."""

    wall: float = 0.0
    read: float = 0.0
    decode: float = 0.0
    model: float = 0.0
    write: float = 0.0


@dataclass(frozen=True, slots=True)
class Receipt(Generic[Row]):
    """What became of each item of a shard, how long that took, and where.

    A row is a JSON object with a `reason`, None where the item is done. `caches` counts what the
    workers' caches held and what they had to make.
    """

    shard: str
    attempt: int
    version: str
    rows: tuple[Row, ...]
    seconds: Seconds
    workers: int = 1
    decoders: int = 1
    caches: dict[str, int] = field(default_factory=dict)
    host: str = field(default_factory=socket.gethostname)
    finished: str = field(default_factory=utc_now)

    @property
    def done(self) -> list[Row]:
        """Rows of the items that went through."""
        return [row for row in self.rows if row["reason"] is None]

    @property
    def failed(self) -> list[Row]:
        """Rows of the items that did not."""
        return [row for row in self.rows if row["reason"] is not None]


def done_row(id: str, content: str, frames: int, damaged: int = 0) -> VideoRow:
    """The row of a video that went through."""
    row = VideoRow(id=id, content=content, frames=frames, reason=None)
    return row | {"damaged": damaged} if damaged else row


def failed_row(outcome: Failed, content: str, decoder: str | None = None) -> VideoRow:
    """The row of a video that did not."""
    return VideoRow(
        id=outcome.id, content=content, frames=0, reason=outcome.reason,
        detail=outcome.detail[:DETAIL], decoder=decoder,
    )  # fmt: skip


def write_receipt(store: Store, folder: str, receipt: Receipt[Any]) -> None:
    """Makes the shard done; call it last."""
    store.write(layout.receipt_file(folder, receipt.shard), json.dumps(asdict(receipt)).encode())


def read_receipt(store: Store, folder: str, shard: str) -> Receipt[dict[str, Any]]:
    """A shard's receipt, also one that 0.1.0 wrote."""
    payload = json.loads(store.read(layout.receipt_file(folder, shard)))
    if "seconds" not in payload:  # 0.1.0, of generated and of evaluated videos
        payload["seconds"] = {"wall": payload.pop("wall")}
        payload["caches"] = payload.pop("spared", {})
    if "rows" not in payload:  # 0.1.0, of embedded and pooled videos, and of features
        payload["rows"] = [*_old_rows(payload.pop("done")), *_old_rows(payload.pop("failed"))]
    fields = {"attempt": 1, "version": ""} | payload
    return Receipt(
        **fields | {"rows": tuple(payload["rows"]), "seconds": Seconds(**payload["seconds"])}
    )


def _old_rows(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"frames": 0, "reason": None} | row for row in rows]

"""Receipts: the last thing a shard writes, and the only thing that makes it done."""

import json
import socket
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

from data.outcome import Failed
from data.store import layout
from data.store.storage import Store


@dataclass(frozen=True, slots=True)
class Seconds:
    """Where the time of a shard went; decode, read and model add up over workers, wall does not."""

    wall: float = 0.0
    read: float = 0.0
    decode: float = 0.0
    model: float = 0.0
    write: float = 0.0


@dataclass(frozen=True, slots=True)
class Made:
    """A video that went through, and how many frame vectors it has."""

    id: str
    content: str
    frames: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A video that did not, and why; `decoder` is what looked at it, with its version."""

    id: str
    content: str
    reason: str
    detail: str
    decoder: str | None = None

    @classmethod
    def of(cls, outcome: Failed, content: str, decoder: str | None = None) -> "Refused":
        return cls(outcome.id, content, outcome.reason, outcome.detail[:500], decoder)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was done with a shard, what failed and why, how long it took, and where."""

    shard: str
    attempt: int
    version: str
    done: tuple[Made, ...]
    failed: tuple[Refused, ...]
    seconds: Seconds
    workers: int = 1
    decoders: int = 1
    host: str = field(default_factory=socket.gethostname)
    finished: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


class Closes(Protocol):
    """A dataclass that can be a shard's receipt."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def shard(self) -> str: ...


def write_receipt(store: Store, folder: str, receipt: Closes) -> None:
    """Makes the shard done; call it last."""
    store.write(layout.receipt(folder, receipt.shard), json.dumps(asdict(receipt)).encode())

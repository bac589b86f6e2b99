"""The outcome of one item: exactly one per id, Done or Failed."""

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

from data.secrets import strip_secrets

# Reason codes are stored in receipts and tables, so they can be added to but not renamed.
# New ones go last: files hold their numbers.
Reason = Literal[
    "missing", "undecodable", "empty", "too_long", "timeout", "crashed", "rejected", "unreachable",
    "out_of_memory",
]  # fmt: skip
REASONS: tuple[str, ...] = get_args(Reason)
# Perhaps a machine's fault, and not the item's: another run may not meet it.
MACHINE_REASONS: tuple[Reason, ...] = ("timeout", "crashed", "unreachable", "out_of_memory")
NOT_DELIVERED: tuple[Reason, ...] = ("unreachable", "timeout")  # may be the host's fault

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The item succeeded; `value` is its result."""

    id: str
    value: T


@dataclass(frozen=True, slots=True)
class Failed:
    """The item itself is at fault: `reason` from a closed list, `detail` for a person to read.

    Faults of the machine or the code are exceptions instead: they fail the shard, not the item.
    """

    id: str
    reason: Reason
    detail: str

    def __post_init__(self) -> None:
        # It is stored and shown, and may quote an address with its signature.
        object.__setattr__(self, "detail", strip_secrets(self.detail))


Outcome = Done[T] | Failed

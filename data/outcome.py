"""What came of one item: exactly one outcome per id."""

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

Reason = Literal["missing", "undecodable", "empty", "too_long", "timeout", "crashed", "rejected"]
REASONS: tuple[str, ...] = get_args(Reason)

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The item went through; `value` is the result."""

    id: str
    value: T


@dataclass(frozen=True, slots=True)
class Failed:
    """The item itself was at fault: `reason` from a closed list, `detail` for a person to read."""

    id: str
    reason: Reason
    detail: str


Outcome = Done[T] | Failed

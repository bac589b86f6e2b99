"""The books: exactly one outcome for every id that went in."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from data.outcome import Outcome


def answered(batch: Sequence[Any], outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The outcomes as they come; a RuntimeError where one answers nothing, or an item has none."""
    open_ids = {item.id for item in batch}
    if len(open_ids) != len(batch):
        raise RuntimeError("a batch holds one id twice")
    for outcome in outcomes:
        if outcome.id not in open_ids:
            raise RuntimeError(f"an outcome for {outcome.id!r}, which was not asked or is answered")
        open_ids.discard(outcome.id)
        yield outcome
    if open_ids:
        raise RuntimeError(f"no outcome for {sorted(open_ids)[:3]} ({len(open_ids)} in all)")

"""Checks that exactly one outcome comes back for every item."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from data.outcome import Outcome


def check_outcomes(batch: Sequence[Any], outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The outcomes as they come.

    A RuntimeError where an id is in the batch twice, an outcome answers no open item, or an item
    has no outcome at the end: results are matched by id, so any of these would lose or mix up data.
    """
    open_ids = {item.id for item in batch}
    if len(open_ids) != len(batch):
        raise RuntimeError("a batch has the same id twice")
    for outcome in outcomes:
        if outcome.id not in open_ids:
            raise RuntimeError(f"unexpected outcome for {outcome.id!r}: not in the batch, or twice")
        open_ids.discard(outcome.id)
        yield outcome
    if open_ids:
        raise RuntimeError(f"no outcome for {sorted(open_ids)[:3]} ({len(open_ids)} in all)")

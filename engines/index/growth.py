"""Adds vectors to a built version, and decides when to train a new one instead."""

from collections.abc import Iterable
from pathlib import Path

from engines.index import parameters, version
from engines.index.batches import Batch
from engines.index.index import Index

MAX_GROWTH = 2.0


def grow_index(index: Index, batches: Iterable[Batch], out: Path) -> version.BuiltVersion:
    """Writes at `out` the opened version with more vectors; the folder it is from stays as is."""
    # Counted from what was trained on, not from last night's index: many small additions too
    # double a corpus.
    index.about["trained_count"] = count_trained(index)
    for ids, vectors, contents in (Batch(*batch) for batch in batches):
        index.add(vectors, ids, contents)
    return index.save(out)


def count_trained(index: Index) -> int:
    """How many vectors the index had when it was trained; all, where that was not recorded."""
    return int(index.about.get("trained_count", len(index)))


def needs_retraining(
    built_count: int,
    new_count: int,
    key: str,
    *,
    now: str | None = None,
    recall: float = 1.0,
    minimum: float = 0.95,
) -> bool:
    """Whether an index trained for `built_count` vectors should be rebuilt for `new_count`.

    It should if the heuristics would `now` choose another key (the plugin's `key_for`), if an
    index trained on a sample has more than doubled, or if its recall is below the gate.
    """
    # Graphs and exact indexes learn nothing from a sample, so they grow without limit.
    outgrown = parameters.is_trained(key) and new_count > MAX_GROWTH * built_count
    return outgrown or recall < minimum or (now is not None and now != key)

"""Adds vectors to a built version, and decides when to train a new one instead."""

from collections.abc import Iterable
from pathlib import Path

from engines.index import parameters, version
from engines.index.batches import Batch
from engines.index.index import open_index

MAX_GROWTH = 2.0


def grow_index(folder: Path, batches: Iterable[Batch], out: Path) -> version.BuiltVersion:
    """Writes at `out` the version in `folder` with more vectors; the old one stays as it was."""
    index = open_index(folder)
    for ids, vectors, contents in (Batch(*batch) for batch in batches):
        index.add(vectors, ids, contents)
    return index.save(out)


def needs_retraining(
    built_count: int,
    new_count: int,
    key: str,
    *,
    now: str | None = None,
    recall: float = 1.0,
    minimum: float = 0.95,
) -> bool:
    """Whether an index built for `built_count` vectors should be rebuilt for `new_count`.

    It should if the heuristics would `now` choose another key (the plugin's `key_for`), if an
    index trained on a sample has more than doubled, or if its recall is below the gate.
    """
    # Graphs and exact indexes learn nothing from a sample, so they grow without limit.
    outgrown = parameters.is_trained(key) and new_count > MAX_GROWTH * built_count
    return outgrown or recall < minimum or (now is not None and now != key)

"""New vectors for a version that is already built."""

from collections.abc import Iterable
from pathlib import Path

from engines.index import parameters, version
from engines.index.batches import Batch
from engines.index.index import open

OUTGROWN = 2.0


def grow(folder: Path, batches: Iterable[Batch], out: Path) -> version.Built:
    """Writes at `out` the version in `folder` with more vectors; the old one stays as it was."""
    index = open(folder)
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
    """Whether an index built for `built_count` vectors should be built anew for `new_count`.

    So when the heuristics would `now` choose another key (the plugin's `key_for`), when an index
    that learnt from a sample is outgrown twice over, or when its recall is below the gate.
    """
    outgrown = parameters.trained(key) and new_count > OUTGROWN * built_count
    return outgrown or recall < minimum or (now is not None and now != key)

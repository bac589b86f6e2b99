"""Builds an index in parts, as Dask tasks, for corpora that take one machine days."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from data.settings import Settings
from data.specs.pipeline import IndexSpec
from engines.index import partition, version
from engines.index.frame_vectors import FrameVectors
from engines.index.pooled_vectors import Part, PartFiller, PooledVectors
from engines.runners.dask import DaskRunner
from tasks.workers import count_cores


def build_in_parts(
    vectors: PooledVectors | FrameVectors,
    out: Path,
    spec: IndexSpec,
    settings: Settings,
    *,
    aim: float,
    probes: np.ndarray | None,
) -> version.BuiltVersion:
    """Trains an index, fills it in `spec.parts` tasks and merges these, as one build would be.

    It is tuned as one is too: to a recall of `aim`, for stored vectors and for `probes` (m, d).
    """
    key = spec.index_key or ""
    trained = partition.train_index(
        vectors.batches(), out.parent / "trained.index", key, seed=spec.seed
    )
    # Each task adds its vectors to a copy of the trained index; merging joins their lists.
    target, parts = out.parent / "parts", _list_parts(vectors.split(spec.parts))
    runner = DaskRunner(count_cores(), settings.dask_scheduler)
    try:
        for _ in runner.map(partial(PartFiller, trained, target), parts, batch=1):
            pass
    finally:
        runner.close()
    folders = [target / part.id for part in parts]
    return partition.merge_parts(folders, out, key, aim=aim, probes=probes, seed=spec.seed)


def _list_parts(runs: Sequence[PooledVectors | FrameVectors]) -> list[Part]:
    """The parts, each with the row of the whole index that it begins at."""
    first, parts = 0, []
    for number, run in enumerate(runs):
        parts.append(Part(f"part-{number:04d}", run, first))
        first += sum(len(batch.ids) for batch in run.batches())
    return parts

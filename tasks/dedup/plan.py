"""Lists what is new in an index, each content with those near it: what a run has to compare."""

import logging
from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect import task
from prefect.cache_policies import NO_CACHE

from data.batches import iter_batches
from data.catalog import merge
from data.catalog.database import load_sql
from data.catalog.failures import TRANSIENT_REASONS
from data.shards.lists import add_shards, list_pending
from data.shards.stages import Stage
from data.specs.dedup import DedupSpec
from data.workspace import Workspace
from engines.dedup.comparison import Candidate, Comparison
from engines.dedup.neighbours import MutualNeighbours
from tasks.dedup.fetched import FetchedIndex
from tasks.dedup.places import FramePlaces, read_comparison, renew_places
from tasks.plan import update_pending

SHARD = 4096  # contents: searched together, and a unit of work
LOG_EVERY = 64  # shards: a search of millions takes its time

log = logging.getLogger(__name__)


@task(name="plan-dedup", cache_policy=NO_CACHE, persist_result=False)
def plan_contents(
    workspace: Workspace, stage: Stage, embed: Stage, spec: DedupSpec, fetched: FetchedIndex
) -> list[str]:
    """Lists the contents of the index that no shard lists; the stage's shards to run.

    Contents whose frames could not be read last time, and may be now, are listed again. Each is
    listed with its mutual neighbours; a pair of two new ones stands with one of them.
    """
    store, folder = workspace.store, stage.folder
    locate = partial(renew_places, workspace, embed, pictures=spec.pictures is not None)
    update_pending(store, folder, read_comparison, locate)
    with workspace.open_synced_catalog(stage.corpus) as catalog:
        missing = catalog.query_table(
            load_sql("contents_to_compare"), corpus=stage.corpus, fingerprint=stage.fingerprint,
            index=fetched.stage.fingerprint, version=fetched.version,
            transient=list(TRANSIENT_REASONS),
        )  # fmt: skip
    if len(missing):
        items = _list_comparisons(workspace, embed, spec, fetched, missing)
        if spec.pictures is not None:
            items = (each for some in iter_batches(items, SHARD) for each in locate(some))
        add_shards(store, folder, items, SHARD)
    with workspace.open_catalog() as catalog:
        merge.sync_stage(catalog, store, stage.corpus, stage.kind, stage.fingerprint)
    return list_pending(store, folder)


def _list_comparisons(
    workspace: Workspace, embed: Stage, spec: DedupSpec, fetched: FetchedIndex, missing: pa.Table
) -> Iterator[Comparison]:
    """The contents to compare in the order of the index, which is that of their files."""
    index = fetched.open()
    names, places = index.content_column, FramePlaces(workspace, embed, fetched)
    rows = pc.index_in(missing.column("content").cast(names.type), value_set=names).to_numpy()
    # What has no frames, as imported vectors, is tried once: the search for it would be in vain.
    again = missing.column("tried").to_numpy()
    rows = np.sort(rows[~again | places.are_known(rows)])
    is_new = np.zeros(len(index), bool)
    is_new[rows] = True
    neighbours = MutualNeighbours(index, spec.neighbours, spec.candidates, fetched.scratch)
    for number, first in enumerate(range(0, len(rows), SHARD)):
        if number and number % LOG_EVERY == 0:
            log.info("searched for the neighbours of %d of %d videos", first, len(rows))
        block = rows[first : first + SHARD]
        owners, others, cosines = neighbours.find(block)
        own = ~is_new[others] | (owners < others)  # else it stands with the other one
        candidates: dict[int, list[Candidate]] = {row: [] for row in block.tolist()}
        found = zip(names.take(others[own]).to_pylist(), cosines[own].tolist(),
                    places.take(others[own]), strict=True)  # fmt: skip
        for owner, each in zip(owners[own].tolist(), found, strict=True):
            candidates[owner].append(Candidate(*each))
        for name, row, place in zip(
            names.take(block).to_pylist(), block.tolist(), places.take(block), strict=True
        ):
            yield Comparison(name, place, tuple(candidates[row]))

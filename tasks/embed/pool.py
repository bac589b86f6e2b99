"""The pool stage's task: every finished shard's frame vectors become one vector per video."""

import logging
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.outcome import Done
from data.shards.lists import names, without
from data.shards.receipts import Receipt
from data.shards.stages import Stage, spec_of
from data.specs.pipeline import PoolSpec
from data.workspace import Workspace
from engines.pool.engine import ShardPooler, ShardToPool
from engines.runners.dask import DaskRunner
from tasks.progress import Progress
from tasks.workers import cores

log = logging.getLogger(__name__)


@task(name="pool-shards", cache_policy=NO_CACHE, persist_result=False)
def pool_shards(workspace: Workspace, embedded: Stage, stage: Stage) -> Progress:
    """Pools what embed has finished and pool has not, over Dask; one graph, not a task a shard."""
    spec = spec_of(workspace.store, stage, PoolSpec)
    there = names(workspace.store, stage.folder, "receipts")
    embedded_shards = names(workspace.store, embedded.folder, "receipts")
    shards = [ShardToPool(shard) for shard in without(embedded_shards, there)]
    make = partial(ShardPooler, workspace.store, embedded.folder, stage.folder, spec.method)
    progress = Progress("pool", len(shards), unit="shard")
    runner = DaskRunner(cores(), workspace.settings.dask_scheduler)
    try:
        for outcome in runner.map(make, shards, batch=1):
            assert isinstance(outcome, Done)
            progress.add(done=1)
            _log(outcome.value)
    finally:
        runner.close()
    with workspace.catalog() as catalog:
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)
    return progress


def _log(receipt: Receipt) -> None:
    done, failed = len(receipt.done), len(receipt.failed)
    wall_s = receipt.seconds.wall
    log.info("shard %s: %d done, %d failed in %.1f s", receipt.shard, done, failed, wall_s)

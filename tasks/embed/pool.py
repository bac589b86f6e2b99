"""The pool stage: averages the frame vectors of each finished shard into one vector per video."""

from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.outcome import Done
from data.shards.lists import exclude_done, list_done
from data.shards.stages import Stage, read_spec
from data.specs.pipeline import PoolSpec
from data.workspace import Workspace
from engines.pool.engine import ShardPooler, ShardToPool
from engines.runners.dask import DaskRunner
from tasks.progress import Progress
from tasks.shard import log_receipt, run_items
from tasks.workers import count_cores


@task(name="pool-shards", cache_policy=NO_CACHE, persist_result=False)
def pool_shards(workspace: Workspace, embedded: Stage, stage: Stage) -> Progress:
    """Pools the shards that embed has finished and pool has not, over Dask; their counts."""
    spec = read_spec(workspace.store, stage, PoolSpec)
    pooled_shards = list_done(workspace.store, stage.folder)
    embedded_shards = list_done(workspace.store, embedded.folder)
    shards = [ShardToPool(shard) for shard in exclude_done(embedded_shards, pooled_shards)]
    make = partial(ShardPooler, workspace.store, embedded.folder, stage.folder, spec.method)
    progress = Progress("pool", len(shards), unit="shard")
    # One Dask graph of all shards, not a Prefect task for each: pooling a shard is quick.
    runner = DaskRunner(count_cores(), workspace.settings.dask_scheduler)
    try:
        for _, outcome in run_items(runner, make, shards, 1, progress):
            assert isinstance(outcome, Done)  # broken videos failed in embed already
            log_receipt("pool", outcome.value)
    finally:
        runner.close()
    with workspace.open_synced_catalog(stage.corpus):
        pass  # for those who only look
    return progress

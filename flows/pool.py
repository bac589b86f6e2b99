"""The pool flow: the frame vectors of each video become one."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.shards.stages import spec_in_use
from data.specs.pipeline import PoolSpec
from data.workspace import open_workspace
from tasks.embed.pool import pool_shards
from tasks.progress import say
from tasks.stages import named, pool_stage
from tasks.ui.artifacts import publish, publish_failures
from tasks.ui.assets import key_of, stage_made


@flow(name="pool", flow_run_name="pool-{corpus}")
def pool(corpus: str, spec: PoolSpec | None = None, embed: str | None = None) -> dict[str, Any]:
    """Pools every shard that embed has finished and pool has not.

    Args:
        corpus: a corpus that was embedded
        spec: the way of pooling; the corpus's own if left out
        embed: the fingerprint of the vectors to pool; those in use if left out
    """
    workspace = open_workspace(Settings())
    with workspace.only_run(workspace.known(corpus), "pool", say):
        embedded = named(workspace, corpus, embed)
        spec = spec or spec_in_use(workspace.store, corpus, "pool", PoolSpec())
        stage = pool_stage(workspace, corpus, spec, embedded)
        pooled = pool_shards(workspace, embedded, stage)
    summary = {"corpus": corpus, "fingerprint": stage.fingerprint, "shards": pooled.done}
    publish("pool", corpus, summary)
    publish_failures(workspace, stage)
    if pooled.done:
        stage_made(workspace, stage, key_of(workspace, embedded), shards=pooled.done)
    return summary

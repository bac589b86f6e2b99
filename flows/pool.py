"""The pool flow: pools each video's frame vectors into one vector."""

from typing import Any

from prefect import flow

from data.runs.figures import record_figures
from data.settings import Settings
from data.shards.stages import spec_in_use
from data.specs.pipeline import PoolSpec
from data.workspace import open_workspace
from tasks.embed.pool import pool_shards
from tasks.service.turns import wait_turn
from tasks.stages import find_embed_stage, register_pool
from tasks.ui.artifacts import publish_failures, publish_summary
from tasks.ui.assets import publish_stage, stage_key
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="pool", flow_run_name=name_run("pool-{corpus}"), **HOOKS)
def pool(corpus: str, spec: PoolSpec | None = None, embed: str | None = None) -> dict[str, Any]:
    """Pools every shard that embed has finished and pool has not.

    Args:
        corpus: Name of an embedded corpus.
        spec: Pooling method; the corpus's current one if left out.
        embed: Fingerprint of the embed stage to pool; the current one if left out.
    """
    workspace = open_workspace(Settings())
    with workspace.lock_stage(workspace.check_corpus(corpus), "pool", wait_turn):
        embedded = find_embed_stage(workspace, corpus, embed)
        # The corpus's own method: the default's fingerprint would start a second stage.
        spec = spec or spec_in_use(workspace.store, corpus, "pool", PoolSpec())
        stage = register_pool(workspace, corpus, spec, embedded)
        pooled = pool_shards(workspace, embedded, stage)
    summary = {"corpus": corpus, "fingerprint": stage.fingerprint, "shards": pooled.done}
    publish_summary("pool", corpus, summary)
    publish_failures(workspace, stage)
    record_figures(workspace, corpus)
    if pooled.done:
        publish_stage(workspace, stage, stage_key(workspace, embedded), shards=pooled.done)
    return summary

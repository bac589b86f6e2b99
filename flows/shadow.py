"""The flows for a second set of vectors: compare them with the current ones, then switch."""

from dataclasses import asdict
from typing import Any

from prefect import flow

from data.settings import Settings
from data.shards import stages
from data.workspace import open_workspace
from tasks.embed.compare import compare_stages
from tasks.service.turns import wait_turn
from tasks.stages import find_embed_stage, find_stage_over
from tasks.ui.artifacts import publish_summary
from tasks.ui.assets import publish_stage, stage_key
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="compare-vectors", flow_run_name=name_run("compare-vectors-{corpus}"), **HOOKS)
def compare_vectors(corpus: str, embed: str, sample: int = 2000) -> dict[str, Any]:
    """Compares other vectors with the current ones: shared neighbours and caption recall.

    Args:
        corpus: Name of a corpus with a second, pooled embed stage.
        embed: Fingerprint of that embed stage.
        sample: Number of videos to compare.
    """
    workspace = open_workspace(Settings())
    used = find_embed_stage(workspace, workspace.check_corpus(corpus), None)
    summary = asdict(
        compare_stages(workspace, used, find_embed_stage(workspace, corpus, embed), sample)
    )
    publish_summary("compare-vectors", corpus, summary)
    return {"corpus": corpus, "used": used.fingerprint, "other": embed, **summary}


@flow(name="switch", flow_run_name=name_run("switch-{corpus}"), **HOOKS)
def switch(corpus: str, embed: str) -> dict[str, Any]:
    """Makes searches use other vectors and their index; the former fingerprint switches back.

    Args:
        corpus: Name of a corpus with a second, indexed embed stage.
        embed: Fingerprint of the embed stage to use from now on.
    """
    workspace = open_workspace(Settings())
    with workspace.lock_stage(workspace.check_corpus(corpus), "index", wait_turn):
        # The former one is reported, since its fingerprint is what switches back.
        now = stages.current_stage(workspace.store, corpus, "embed")
        stage = find_embed_stage(workspace, corpus, embed)
        # Both must exist before the first pointer moves: searches never meet a half switch.
        index, pool = (
            find_stage_over(workspace, stage, "index"),
            find_stage_over(workspace, stage, "pool"),
        )
        stages.switch_stages(workspace.store, index, pool, stage)
    summary = {"corpus": corpus, "from": now.fingerprint if now else None, "to": embed}
    publish_summary("switch", corpus, summary)
    version = stages.published_version(workspace.store, index)
    publish_stage(workspace, index, stage_key(workspace, pool), version=version)
    return summary

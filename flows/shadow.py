"""The flows of vectors made another way: compared with those in use, then switched to, and back."""

from dataclasses import asdict
from typing import Any

from prefect import flow

from data.settings import Settings
from data.shards import stages
from data.workspace import open_workspace
from tasks.embed.compare import compare
from tasks.progress import say
from tasks.stages import made, named
from tasks.ui.artifacts import publish
from tasks.ui.assets import key_of, stage_made


@flow(name="compare-vectors", flow_run_name="compare-vectors-{corpus}")
def compare_vectors(corpus: str, embed: str, sample: int = 2000) -> dict[str, Any]:
    """Compares vectors with those in use: neighbours in common, captions that find their video.

    Args:
        corpus: a corpus whose vectors were also made another way, and pooled
        embed: the fingerprint of those vectors
        sample: how many videos are compared
    """
    workspace = open_workspace(Settings())
    used = named(workspace, workspace.known(corpus), None)
    summary = asdict(compare(workspace, used, named(workspace, corpus, embed), sample))
    publish("compare-vectors", corpus, summary)
    return {"corpus": corpus, "used": used.fingerprint, "other": embed, **summary}


@flow(name="switch", flow_run_name="switch-{corpus}")
def switch(corpus: str, embed: str) -> dict[str, Any]:
    """Makes searches use other vectors and their index; the same with the former switches back.

    Args:
        corpus: a corpus whose vectors were also made another way, pooled and indexed
        embed: the fingerprint of the vectors to use from now on
    """
    workspace = open_workspace(Settings())
    with workspace.only_run(workspace.known(corpus), "index", say):
        now = stages.current(workspace.store, corpus, "embed")
        stage = named(workspace, corpus, embed)
        index, pool = made(workspace, stage, "index"), made(workspace, stage, "pool")
        stages.switch(workspace.store, index, pool, stage)
    summary = {"corpus": corpus, "from": now.fingerprint if now else None, "to": embed}
    publish("switch", corpus, summary)
    version = stages.version_of(workspace.store, index)
    stage_made(workspace, index, key_of(workspace, pool), version=version)
    return summary

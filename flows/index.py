"""The index flow: pooled vectors become a published, measured index."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.shards.stages import spec_in_use, version_of
from data.specs.pipeline import IndexSpec
from data.workspace import open_workspace
from tasks.index.build import build_index
from tasks.progress import say
from tasks.stages import index_stage, made, named
from tasks.ui.artifacts import publish
from tasks.ui.assets import key_of, stage_made


@flow(name="index", flow_run_name="index-{corpus}")
def index(
    corpus: str, spec: IndexSpec | None = None, rebuild: bool = False, embed: str | None = None
) -> dict[str, Any]:
    """Adds what is pooled and not indexed, or builds anew; publishes only above the recall gate.

    Args:
        corpus: a corpus that was pooled
        spec: the kind of index and the least recall@10 to publish at; the corpus's own if left out
        rebuild: index everything anew even where adding would do
        embed: the fingerprint of the vectors to index; those in use if left out
    """
    workspace = open_workspace(Settings())
    with workspace.only_run(workspace.known(corpus), "index", say):
        embedded = named(workspace, corpus, embed)
        pooled = made(workspace, embedded, "pool")
        spec = spec or spec_in_use(workspace.store, corpus, "index", IndexSpec())
        stage = index_stage(workspace, corpus, spec, pooled)
        about = build_index(workspace, embedded, pooled, stage, rebuild)
        published = version_of(workspace.store, stage)
    summary = about or {"version": published, "new": 0}
    publish("index", corpus, {"fingerprint": stage.fingerprint, **summary})
    if about:
        said = {"version": published, "videos": about["count"]}
        stage_made(workspace, stage, key_of(workspace, pooled), **said)
    return {"corpus": corpus, "fingerprint": stage.fingerprint, **summary}

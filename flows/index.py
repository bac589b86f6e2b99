"""The index flow: builds a measured index of pooled vectors and publishes it."""

from typing import Any

from prefect import flow

from data.runs.figures import record_figures
from data.settings import Settings
from data.shards.stages import INDEX_OF_FRAMES, published_version, spec_in_use
from data.specs.pipeline import IndexSpec
from data.workspace import open_workspace
from tasks.index.build import build_index
from tasks.service.turns import wait_turn
from tasks.stages import find_embed_stage, find_stage_over, register_index
from tasks.ui.artifacts import publish_summary
from tasks.ui.assets import publish_stage, stage_key
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="index", flow_run_name=name_run("index-{corpus}"), **HOOKS)
def index(
    corpus: str,
    spec: IndexSpec | None = None,
    rebuild: bool = False,
    embed: str | None = None,
    frames: bool = False,
) -> dict[str, Any]:
    """Adds new vectors to the index, or rebuilds it; publishes it only above the recall gate.

    Args:
        corpus: Name of a pooled corpus.
        spec: Index type and recall gate; the corpus's current ones if left out.
        rebuild: Build a new index even where adding to the current one would do.
        embed: Fingerprint of the embed stage to index; the current one if left out.
        frames: Index every frame, for searches by moment, instead of every video.
    """
    workspace = open_workspace(Settings())
    kind = INDEX_OF_FRAMES if frames else "index"
    with workspace.lock_stage(workspace.check_corpus(corpus), kind, wait_turn):
        embedded = find_embed_stage(workspace, corpus, embed)
        made_by = embedded if frames else find_stage_over(workspace, embedded, "pool")
        spec = spec or spec_in_use(workspace.store, corpus, kind, IndexSpec())
        stage = register_index(workspace, corpus, spec, made_by, kind)
        about = build_index(workspace, embedded, made_by, stage, rebuild)
        published = published_version(workspace.store, stage)
    # Nothing new to index is a result too, not an error: nightly runs meet it often.
    summary = about or {"version": published, "new": 0}
    publish_summary("index", corpus, {"fingerprint": stage.fingerprint, **summary})
    record_figures(workspace, corpus)
    if about:
        said = {"version": published, "videos": about["count"]}
        publish_stage(workspace, stage, stage_key(workspace, made_by), **said)
    return {"corpus": corpus, "fingerprint": stage.fingerprint, **summary}

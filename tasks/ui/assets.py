"""Prefect assets for what runs make: their URIs, and what each is made from."""

from collections.abc import Sequence
from typing import Any

from prefect.assets import Asset, AssetProperties, materialize
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

from data.shards.stages import Stage, current_stage
from data.store import layout
from data.workspace import Workspace

SCHEME = "reelflow://"


def videos_key(corpus: str) -> str:
    """Returns the asset key of a corpus's videos, which ingest makes."""
    return f"{SCHEME}{layout.videos_folder(corpus)}"


def stage_key(workspace: Workspace, stage: Stage) -> str:
    """Returns the asset key of a stage; a stage that is not the current one adds its fingerprint.

    The current stage's key, such as `reelflow://corpora/cats/index`, is the same for every
    fingerprint: a deployment triggered by it outlives a change of the model.
    """
    used = f"{SCHEME}{layout.corpus_folder(stage.corpus)}/{stage.kind}"
    now = current_stage(workspace.store, stage.corpus, stage.kind)
    return used if now == stage else f"{used}/{stage.fingerprint}"


def folder_key(folder: str) -> str:
    """Returns the asset key of a generation run or an evaluation by its folder."""
    return f"{SCHEME}{folder}"


def publish_stage(workspace: Workspace, stage: Stage, made_from: str, **metadata: Any) -> None:
    """Publishes a stage that a run added to, with its size in bytes and other metadata."""
    if FlowRunContext.get() is not None:
        figures = {
            "fingerprint": stage.fingerprint,
            "bytes": workspace.store.size(stage.folder),
        } | metadata
        publish_asset(
            stage_key(workspace, stage), f"{stage.kind} of {stage.corpus}", [made_from], **figures
        )


def publish_asset(key: str, name: str, made_from: Sequence[str], **metadata: Any) -> None:
    """Emits `prefect.asset.materialization.succeeded` for an asset, within a flow run.

    Deployments can be triggered by this event. The assets in `made_from` are emitted as
    `referenced`.
    """
    if FlowRunContext.get() is None:
        return
    asset = Asset(key=key, properties=AssetProperties(name=name))

    @materialize(
        asset, by="reelflow", asset_deps=list(made_from), name="asset",
        task_run_name=f"made-{name.replace(' ', '-')}", cache_policy=NO_CACHE, persist_result=False,
    )  # fmt: skip
    def materialize_asset() -> None:
        asset.add_metadata(metadata)

    # Prefect emits the event when a task decorated so has run.
    materialize_asset()

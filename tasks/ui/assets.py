"""What runs make, as assets of Prefect: URIs, and which of them each is made from."""

from collections.abc import Sequence
from typing import Any

from prefect.assets import Asset, AssetProperties, materialize
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

from data.shards.stages import Stage, current
from data.store import layout
from data.workspace import Workspace

SCHEME = "reelflow://"


def videos_of(corpus: str) -> str:
    """The key of a corpus's videos, which ingest makes."""
    return f"{SCHEME}{layout.videos(corpus)}"


def key_of(workspace: Workspace, stage: Stage) -> str:
    """The key of what a corpus uses of a kind now; what is filled beside it adds its fingerprint.

    As `reelflow://corpora/cats/index`: the same for every fingerprint, so that others can wait
    for it.
    """
    used = f"{SCHEME}{layout.corpus(stage.corpus)}/{stage.kind}"
    now = current(workspace.store, stage.corpus, stage.kind)
    return used if now == stage else f"{used}/{stage.fingerprint}"


def folder_key(folder: str) -> str:
    """The key of a run of generation, or of an evaluation, by its folder."""
    return f"{SCHEME}{folder}"


def stage_made(workspace: Workspace, stage: Stage, made_from: str, **said: Any) -> None:
    """Tells of a stage that a run added to, with its bytes and what else is said."""
    if FlowRunContext.get() is not None:
        figures = {
            "fingerprint": stage.fingerprint,
            "bytes": workspace.store.size(stage.folder),
        } | said
        made(key_of(workspace, stage), f"{stage.kind} of {stage.corpus}", [made_from], **figures)


def made(key: str, name: str, made_from: Sequence[str], **said: Any) -> None:
    """Prefect's event `prefect.asset.materialization.succeeded`, where there is a flow run.

    Deployments can be triggered by it; what the asset is made from is told of as `referenced`.
    """
    if FlowRunContext.get() is None:
        return
    asset = Asset(key=key, properties=AssetProperties(name=name))

    @materialize(
        asset, by="reelflow", asset_deps=list(made_from), name="asset",
        task_run_name=f"made-{name.replace(' ', '-')}", cache_policy=NO_CACHE, persist_result=False,
    )  # fmt: skip
    def tell() -> None:
        asset.add_metadata(said)

    tell()

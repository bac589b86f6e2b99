"""Which stage a spec means: its fingerprint, from the engine's version and what it is made from."""

import json

from data.errors import UserError
from data.shards.stages import (
    Stage,
    current,
    over,
    recorded,
    register,
    spec_in_use,
    spec_of,
    version_of,
)
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec
from data.store import layout
from data.workspace import Workspace
from engines.base import plugin
from engines.generate.ragme import import_files
from tasks.service.machine import fastest_precision

ORIGIN = json.dumps(import_files.ORIGIN)  # stands for the weights of vectors that were taken over


def embed_spec(workspace: Workspace, corpus: str, asked: EmbedSpec | None) -> EmbedSpec:
    """The spec asked for, else the corpus's own, else the usual one at this machine's fastest."""
    if asked is not None:
        return asked
    return spec_in_use(workspace.store, corpus, "embed", EmbedSpec(precision=fastest_precision()))


def embed_stage(workspace: Workspace, corpus: str, spec: EmbedSpec, shadow: bool = False) -> Stage:
    """The stage, made the corpus's current one unless as a shadow; weights enter by digest."""
    engine = plugin("embed.models", spec.engine)
    version, digest = engine.VERSION, engine.digest(spec)
    return register(workspace.store, corpus, "embed", spec, version, digest, shadow=shadow)


def same_weights(workspace: Workspace, stage: Stage) -> EmbedSpec:
    """The spec of an embed stage; a UserError where its weights are no longer what they were.

    Vectors that another system made carry no digest, and are trusted to be of the model named.
    """
    spec = spec_of(workspace.store, stage, EmbedSpec)
    inputs = recorded(workspace.store, stage)["inputs"]
    if ORIGIN not in inputs and plugin("embed.models", spec.engine).digest(spec) not in inputs:
        raise UserError(
            f"the weights of {spec.model} are no longer those that embedded {stage.corpus}:"
            f" put them back, or run `reelflow run {stage.corpus}` with these"
        )
    return spec


def pool_stage(
    workspace: Workspace, corpus: str, spec: PoolSpec, embedded: Stage | None = None
) -> Stage:
    """The stage over the current embed stage, made the corpus's current one; or over another."""
    before = embedded or _before(workspace, corpus, "embed")
    version, shadow = plugin("pool.methods", spec.method).VERSION, _is_shadow(workspace, before)
    return register(
        workspace.store, corpus, "pool", spec, version, before.fingerprint, shadow=shadow
    )


def index_stage(
    workspace: Workspace, corpus: str, spec: IndexSpec, pooled: Stage | None = None
) -> Stage:
    """The stage over the current pool stage, made the corpus's current one; or over another."""
    before = pooled or _before(workspace, corpus, "pool")
    version, shadow = plugin("index.kinds", spec.engine).VERSION, _is_shadow(workspace, before)
    return register(
        workspace.store, corpus, "index", spec, version, before.fingerprint, shadow=shadow
    )


def named(workspace: Workspace, corpus: str, embed: str | None) -> Stage:
    """The embed stage of a fingerprint, or the corpus's current one; a UserError without it."""
    if embed is None:
        return _before(workspace, corpus, "embed")
    stage = Stage(corpus, "embed", embed)
    if not embed.isalnum() or not workspace.store.exists(layout.spec(stage.folder)):
        raise UserError(
            f"{corpus} was never embedded as {embed}: `reelflow backfill embed` does it"
        )
    return stage


def made(workspace: Workspace, embed: Stage, kind: str) -> Stage:
    """The pool stage over an embed stage, or the index over that; a UserError without one."""
    stage = over(workspace.store, embed if kind == "pool" else made(workspace, embed, "pool"), kind)
    if stage is None or (kind == "index" and version_of(workspace.store, stage) is None):
        raise UserError(
            f"{embed.corpus} has no {kind} of {embed.fingerprint}: make it with"
            f" `reelflow {kind} {embed.corpus} --embed {embed.fingerprint}`"
        )
    return stage


def _is_shadow(workspace: Workspace, before: Stage) -> bool:
    return before != current(workspace.store, before.corpus, before.kind)


def _before(workspace: Workspace, corpus: str, kind: str) -> Stage:
    stage = current(workspace.store, corpus, kind)
    if stage is None:
        raise UserError(f"{corpus} is not through {kind}: run `reelflow {kind} {corpus}` first")
    return stage

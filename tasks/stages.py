"""Which stage a spec means: its fingerprint, from the engine's version and what it is made from."""

import json

from data.errors import UserError
from data.shards.stages import (
    Stage,
    current_stage,
    find_successor,
    published_version,
    read_spec,
    read_spec_record,
    register_stage,
    spec_in_use,
)
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec
from data.store import layout
from data.workspace import Workspace
from engines.base import load_plugin
from engines.generate.ragme import import_files
from tasks.workers import fastest_precision

ORIGIN = json.dumps(import_files.ORIGIN)  # stands for the weights of vectors that were taken over


def choose_embed_spec(workspace: Workspace, corpus: str, asked: EmbedSpec | None) -> EmbedSpec:
    """The spec asked for, else the corpus's own, else the usual one at this machine's fastest."""
    if asked is not None:
        return asked
    return spec_in_use(workspace.store, corpus, "embed", EmbedSpec(precision=fastest_precision()))


def register_embed(
    workspace: Workspace, corpus: str, spec: EmbedSpec, shadow: bool = False
) -> Stage:
    """The stage, made the corpus's current one unless as a shadow; weights enter by digest."""
    engine = load_plugin("embed.models", spec.engine)
    version, digest = engine.VERSION, engine.digest(spec)
    return register_stage(workspace.store, corpus, "embed", spec, version, digest, shadow=shadow)


def require_same_weights(workspace: Workspace, stage: Stage) -> EmbedSpec:
    """The spec of an embed stage; a UserError where its weights are no longer what they were.

    Vectors that another system made carry no digest, and are trusted to be of the model named.
    """
    spec = read_spec(workspace.store, stage, EmbedSpec)
    inputs = read_spec_record(workspace.store, stage)["inputs"]
    if ORIGIN not in inputs and load_plugin("embed.models", spec.engine).digest(spec) not in inputs:
        raise UserError(
            f"the weights of {spec.model} are no longer those that embedded {stage.corpus}:"
            f" put them back, or run `reelflow run {stage.corpus}` with these"
        )
    return spec


def register_pool(
    workspace: Workspace, corpus: str, spec: PoolSpec, embedded: Stage | None = None
) -> Stage:
    """The stage over the current embed stage, made the corpus's current one; or over another."""
    before = embedded or _require_stage(workspace, corpus, "embed")
    version, shadow = (
        load_plugin("pool.methods", spec.method).VERSION,
        _is_shadow(workspace, before),
    )
    return register_stage(
        workspace.store, corpus, "pool", spec, version, before.fingerprint, shadow=shadow
    )


def register_index(
    workspace: Workspace, corpus: str, spec: IndexSpec, pooled: Stage | None = None
) -> Stage:
    """The stage over the current pool stage, made the corpus's current one; or over another."""
    before = pooled or _require_stage(workspace, corpus, "pool")
    version, shadow = load_plugin("index.kinds", spec.engine).VERSION, _is_shadow(workspace, before)
    return register_stage(
        workspace.store, corpus, "index", spec, version, before.fingerprint, shadow=shadow
    )


def find_embed_stage(workspace: Workspace, corpus: str, embed: str | None) -> Stage:
    """The embed stage of a fingerprint, or the corpus's current one; a UserError without it."""
    if embed is None:
        return _require_stage(workspace, corpus, "embed")
    stage = Stage(corpus, "embed", embed)
    if not embed.isalnum() or not workspace.store.exists(layout.spec_file(stage.folder)):
        raise UserError(
            f"{corpus} was never embedded as {embed}: `reelflow backfill embed` does it"
        )
    return stage


def find_stage_over(workspace: Workspace, embed: Stage, kind: str) -> Stage:
    """The pool stage over an embed stage, or the index over that; a UserError without one."""
    stage = find_successor(
        workspace.store,
        embed if kind == "pool" else find_stage_over(workspace, embed, "pool"),
        kind,
    )
    if stage is None or (kind == "index" and published_version(workspace.store, stage) is None):
        raise UserError(
            f"{embed.corpus} has no {kind} of {embed.fingerprint}: make it with"
            f" `reelflow {kind} {embed.corpus} --embed {embed.fingerprint}`"
        )
    return stage


def _is_shadow(workspace: Workspace, before: Stage) -> bool:
    return before != current_stage(workspace.store, before.corpus, before.kind)


def _require_stage(workspace: Workspace, corpus: str, kind: str) -> Stage:
    stage = current_stage(workspace.store, corpus, kind)
    if stage is None:
        raise UserError(f"{corpus} is not through {kind}: run `reelflow {kind} {corpus}` first")
    return stage

"""Finds and registers stages: a spec's fingerprint, with the engine's version and its inputs."""

import json

from data.catalog.database import load_sql
from data.errors import UserError
from data.shards.stages import (
    SOURCES,
    Stage,
    current_stage,
    find_successor,
    published_version,
    read_spec,
    read_spec_record,
    register_stage,
    spec_in_use,
)
from data.specs.models import name_model
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec
from data.specs.split import SplitSpec
from data.store import layout
from data.workspace import Workspace
from engines.base import load_plugin
from engines.files.media import stat_media
from engines.generate.ragme import import_files
from tasks.origins import count_origins, find_origin
from tasks.precision import fastest_precision
from tasks.prepare_model import prepare_model
from tasks.url_policy import build_url_policy

SAMPLE = 32  # videos looked at
ORIGIN = json.dumps(import_files.ORIGIN)  # in place of the weights' digest, for imported vectors


def choose_embed_spec(
    workspace: Workspace, corpus: str, requested: EmbedSpec | None, source: str | None = None
) -> EmbedSpec:
    """The spec to embed a corpus with: what is requested, else the corpus's own, else a default.

    `source` is one that will be ingested first: the default model depends on what there is.
    """
    usual = EmbedSpec(precision=fastest_precision())
    in_use = spec_in_use(workspace.store, corpus, "embed", usual)
    if in_use is not usual:
        return name_model(requested, in_use) if requested else in_use
    origins = count_origins(workspace, corpus).keys() | ({find_origin(source)} if source else set())
    return name_model(requested or usual, made=origins == {"fake"})


def register_embed(
    workspace: Workspace, corpus: str, spec: EmbedSpec, shadow: bool = False
) -> Stage:
    """Registers an embed stage, as the corpus's current one unless `shadow` is set."""
    before = current_stage(workspace.store, corpus, "embed")
    if before is not None and is_imported(workspace, before):
        _require_files(workspace, corpus)
    prepare_model(spec)
    # The digest, not the path: the same weights elsewhere give the same fingerprint.
    engine = load_plugin("embed.models", spec.engine)
    version, digest = engine.VERSION, engine.digest(spec)
    return register_stage(workspace.store, corpus, "embed", spec, version, digest, shadow=shadow)


def is_imported(workspace: Workspace, stage: Stage) -> bool:
    """Whether another system made the frame vectors of an embed stage."""
    return ORIGIN in read_spec_record(workspace.store, stage)["inputs"]


def find_imported(workspace: Workspace, corpus: str) -> Stage | None:
    """The corpus's current embed stage if its vectors were imported.

    A UserError where videos have none: their vectors would be of another kind than the others.
    """
    stage = current_stage(workspace.store, corpus, "embed")
    if stage is None or not is_imported(workspace, stage):
        return None
    with workspace.open_synced_catalog(corpus) as catalog:
        missing = catalog.execute(
            load_sql("unlisted_videos"), corpus=corpus, stage="embed", fingerprint=stage.fingerprint
        )
    if missing:
        raise UserError(
            f"{len(missing):,} videos of {corpus} have no imported vectors, the first is"
            f" {missing[0][0]!r}: import them too, or name a --model to embed all of {corpus} anew"
        )
    return stage


def _require_files(workspace: Workspace, corpus: str) -> None:
    """A UserError where no video of an imported corpus is there to be embedded."""
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.execute(load_sql("sample_videos"), corpus=corpus, seed="0", count=SAMPLE)
    policy = build_url_policy(workspace.settings)
    for _, uri, _ in rows:
        try:
            stat_media(uri, policy)
            return
        except (OSError, UserError):
            continue
    raise UserError(
        f"the videos of {corpus} are not there, only their imported vectors are: leave out the"
        " model to go on with these"
    )


def require_same_weights(workspace: Workspace, stage: Stage) -> EmbedSpec:
    """The spec of an embed stage; a UserError where its weights have changed since."""
    spec = read_spec(workspace.store, stage, EmbedSpec)
    inputs = read_spec_record(workspace.store, stage)["inputs"]
    # Imported vectors have no digest, and are trusted to be of the model that was named.
    if ORIGIN not in inputs and load_plugin("embed.models", spec.engine).digest(spec) not in inputs:
        raise UserError(
            f"the weights of {spec.model} have changed since {stage.corpus} was embedded:"
            f" put the old ones back, or run `reelflow run {stage.corpus}` with the new ones"
        )
    return spec


def register_split(workspace: Workspace, corpus: str, spec: SplitSpec) -> Stage:
    """Registers a split stage: the shots of a corpus's videos by one method."""
    method = load_plugin("split.methods", spec.method)
    return register_stage(
        workspace.store, corpus, "split", spec, method.VERSION, *filter(None, [method.digest()])
    )


def register_pool(
    workspace: Workspace, corpus: str, spec: PoolSpec, embedded: Stage | None = None
) -> Stage:
    """Registers a pool stage over an embed stage, by default the current one.

    Over the current one it becomes the corpus's current pool stage, else a shadow.
    """
    before = embedded or _require_stage(workspace, corpus, "embed")
    # The version is in the fingerprint: a method that changes its vectors gets a new stage.
    version = load_plugin("pool.methods", spec.method).VERSION
    shadow = _is_shadow(workspace, before)
    return register_stage(
        workspace.store, corpus, "pool", spec, version, before.fingerprint, shadow=shadow
    )


def register_index(
    workspace: Workspace, corpus: str, spec: IndexSpec, made_by: Stage | None = None,
    kind: str = "index",
) -> Stage:  # fmt: skip
    """Registers an index stage over a pool stage, by default the current one, or one of frames.

    Over the current one it becomes the corpus's current index stage, else a shadow.
    """
    before = made_by or _require_stage(workspace, corpus, SOURCES[kind])
    version = load_plugin("index.kinds", spec.engine).VERSION
    shadow = _is_shadow(workspace, before)
    return register_stage(
        workspace.store, corpus, kind, spec, version, before.fingerprint, shadow=shadow
    )


def find_embed_stage(workspace: Workspace, corpus: str, embed: str | None) -> Stage:
    """The embed stage of a fingerprint, by default the current one; a UserError without it."""
    if embed is None:
        return _require_stage(workspace, corpus, "embed")
    # Users type fingerprints, which must not lead out of the corpus's folder.
    stage = Stage(corpus, "embed", embed)
    if not embed.isalnum() or not workspace.store.exists(layout.spec_file(stage.folder)):
        raise UserError(
            f"{corpus} has no embed stage {embed}: make one with `reelflow backfill embed`"
        )
    return stage


def find_stage_over(workspace: Workspace, embed: Stage, kind: str) -> Stage:
    """The pool stage over an embed stage, or the published index over that; else a UserError."""
    before = embed if kind == "pool" else find_stage_over(workspace, embed, "pool")
    stage = find_successor(workspace.store, before, kind)
    if stage is None or (kind == "index" and published_version(workspace.store, stage) is None):
        raise UserError(
            f"{embed.corpus} has no {kind} over embed stage {embed.fingerprint}: make it with"
            f" `reelflow {kind} {embed.corpus} --embed {embed.fingerprint}`"
        )
    return stage


def _is_shadow(workspace: Workspace, before: Stage) -> bool:
    return before != current_stage(workspace.store, before.corpus, before.kind)


def _require_stage(workspace: Workspace, corpus: str, kind: str) -> Stage:
    stage = current_stage(workspace.store, corpus, kind)
    if stage is None:
        raise UserError(f"{corpus} has no {kind} stage yet: run `reelflow {kind} {corpus}` first")
    return stage

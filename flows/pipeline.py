"""The pipeline flow: ingest, embed, pool, index; then generate, evaluate and report on request."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from prefect import flow

from data.ids import check_corpus_name
from data.runs.nights import record_night
from data.settings import Settings
from data.shards.stages import CAPTION_VECTORS, INDEX_OF_FRAMES, MOTION_FEATURES
from data.specs.dedup import DedupSpec
from data.specs.evaluate import EvaluateSpec
from data.specs.pipeline import EmbedSpec, GenerateSpec, IndexSpec, PoolSpec
from data.specs.refine import RefineSpec
from data.specs.split import SplitSpec
from data.store import layout
from data.workspace import Workspace, open_workspace
from flows.caption_vectors import caption_vectors
from flows.dedup import dedup
from flows.embed import embed
from flows.evaluate import evaluate
from flows.generate import generate
from flows.index import index
from flows.ingest import ingest
from flows.motion_features import motion_features
from flows.pool import pool
from flows.refine import refine
from flows.report import report
from flows.split import split
from tasks.embed.settle import settle_embed_spec
from tasks.evaluate.request import check_measures
from tasks.generate.spec import build_generate_spec, require_base
from tasks.prompts import read_prompts
from tasks.refine.request import check_spec
from tasks.service.turns import wait_turn
from tasks.ui.events import emit_night
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.pipeline_summary import PipelineSummary, open_summary
from tasks.ui.run_names import name_run


@flow(name="pipeline", flow_run_name=name_run("pipeline-{corpus}"), **HOOKS)
def pipeline(
    corpus: str, source: str | None = None, prompts: str | None = None,
    columns: dict[str, str] | None = None,
    embed_spec: EmbedSpec | None = None, pool_spec: PoolSpec | None = None,
    index_spec: IndexSpec | None = None, dedup_spec: DedupSpec | None = None,
    generate_spec: GenerateSpec | None = None, measure: EvaluateSpec | None = None,
    index_frames: bool | None = None, refine_spec: RefineSpec | None = None,
    split_into: str | None = None, split_spec: SplitSpec | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Brings a corpus up to date, from its source to a published index; meant for every night.

    Runs on different corpora work side by side; a second run on the same corpus waits.

    Args:
        corpus: Name of the corpus to bring up to date.
        source: Source to ingest first: a table, a folder or glob of videos, or tars.
        prompts: File of prompts to generate videos for; none are generated if left out.
        columns: The source's names for txt, videoLoc, videoID, start_sec and end_sec, if others.
        embed_spec: Model and sampling of frames; the corpus's current ones if left out.
        pool_spec: Pooling method; the corpus's current one if left out.
        index_spec: Index type and recall gate; the corpus's current ones if left out.
        dedup_spec: What counts as a near-duplicate; none are looked for if left out.
        generate_spec: Model, shape and retrieval of the generated videos; the usual if left out.
        measure: Metrics to evaluate the generated videos with; not evaluated if left out.
        index_frames: Index every frame too, for `search --moments`; if left out, as before.
        refine_spec: How to refine generated videos before they are evaluated; not if left out.
        split_into: Corpus to ingest the shots of long videos into; not split if left out.
        split_spec: How long videos are cut into shots; the usual if left out.
    """
    workspace = open_workspace(Settings())
    if prompts:
        _check_prompts(prompts, measure, refine_spec)  # first: not at the night's last stage
    with _hold_corpus(workspace, check_corpus_name(corpus)), open_summary(corpus) as summary:
        embed_spec = settle_embed_spec(workspace, corpus, embed_spec, source)
        _require_base(workspace, corpus, prompts, embed_spec, generate_spec)
        if source:  # without one the pipeline finishes what an earlier night left undone
            summary.run_stage("ingest", ingest, source, corpus, columns)
        if split_into:
            summary.run_stage("split", split, corpus, split_into, split_spec)
        _index_videos(summary, corpus, embed_spec, pool_spec, index_spec)
        _extend_index(workspace, summary, corpus, index_frames, dedup_spec)
        if prompts:
            _make_videos(summary, (corpus, prompts, generate_spec), measure, refine_spec)
    _finish_night(workspace, corpus)
    return finish_run(summary.stages, summary.stages, workspace.settings.failed_share)


@contextmanager
def _hold_corpus(workspace: Workspace, corpus: str) -> Iterator[None]:
    # Held by the run itself, not by a limit on the deployment: that would stop other corpora too.
    with workspace.lock_stage(corpus, "pipeline", wait_turn):
        # A backfill may hold this for days. Before the ingest: a run that gives its turn away
        # starts again from here.
        with workspace.lock_stage(corpus, "embed", wait_turn):
            pass
        yield


def _wants_frames(workspace: Workspace, corpus: str, requested: bool | None) -> bool:
    """Whether to index frames: as requested, else where the corpus has an index of them."""
    if requested is not None:
        return requested
    return workspace.store.exists(layout.current_alias(corpus, INDEX_OF_FRAMES))


def _finish_night(workspace: Workspace, corpus: str) -> None:
    record_night(workspace.store, corpus)
    emit_night(corpus)


def _require_base(
    workspace: Workspace, corpus: str, prompts: str | None,
    embed_spec: EmbedSpec | None, generate_spec: GenerateSpec | None,
) -> None:  # fmt: skip
    """Refuses what the generate stage would refuse, before a night of embedding."""
    if prompts:
        require_base(workspace, corpus, generate_spec or build_generate_spec(), embed_spec)


def _index_videos(
    summary: PipelineSummary, corpus: str, embed_spec: EmbedSpec | None,
    pool_spec: PoolSpec | None, index_spec: IndexSpec | None,
) -> None:  # fmt: skip
    """Embeds, pools and indexes what is new."""
    summary.run_stage("embed", embed, corpus, embed_spec)
    summary.run_stage("pool", pool, corpus, pool_spec)
    summary.run_stage("index", index, corpus, index_spec)


def _extend_index(
    workspace: Workspace, summary: PipelineSummary, corpus: str, index_frames: bool | None,
    dedup_spec: DedupSpec | None,
) -> None:  # fmt: skip
    """Indexes frames and looks for duplicates where asked; retrieval may use both."""
    if _wants_frames(workspace, corpus, index_frames):
        summary.run_stage(INDEX_OF_FRAMES, partial(index, frames=True), corpus)
    if dedup_spec:
        summary.run_stage("dedup", dedup, corpus, dedup_spec)
    # What a corpus has of its clips is kept complete: generation leaves out clips without it.
    for kind, run in ((CAPTION_VECTORS, caption_vectors), (MOTION_FEATURES, motion_features)):
        if workspace.store.exists(layout.current_alias(corpus, kind)):
            summary.run_stage(kind, run, corpus)


def _make_videos(
    summary: PipelineSummary, asked: tuple[str, str, GenerateSpec | None],
    measure: EvaluateSpec | None, refine_spec: RefineSpec | None,
) -> None:  # fmt: skip
    """Generates videos, refines and evaluates them where asked, and writes their page."""
    run = measured = summary.run_stage("generate", generate, *asked)["run"]
    # Of a refinement every pass is measured, pass 0 as the videos were generated.
    if refine_spec:
        measured = summary.run_stage("refine", refine, run, refine_spec)["refinement"]
    if measure:
        summary.run_stage("evaluate", partial(evaluate, spec=measure), measured)
    summary.run_stage("report", report, run)


def _check_prompts(
    prompts: str, measure: EvaluateSpec | None, refine_spec: RefineSpec | None
) -> None:
    check_spec(refine_spec or RefineSpec())
    if measure:
        check_measures(measure, prompts)
    else:
        read_prompts(prompts)

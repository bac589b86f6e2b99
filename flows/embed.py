"""The embed flow: computes the frame vectors that are missing under a spec."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.catalog import merge
from data.catalog.failures import Failures
from data.runs.figures import record_figures
from data.settings import Settings
from data.shards.stages import Stage, make_current
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace, open_workspace
from tasks.embed.canary import check_canary
from tasks.embed.child_runs import cancel_leftovers, record_held
from tasks.embed.summary import EmbedSummary, count_covered, format_covered
from tasks.embed.writer import EmbedRun
from tasks.origins import warn_of_mismatch
from tasks.plan import count_planned, plan_videos
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE, MERGE_EVERY_S, run_shards
from tasks.stages import choose_embed_spec, find_imported, register_embed
from tasks.ui.artifacts import publish_failures, publish_summary
from tasks.ui.assets import publish_stage, videos_key
from tasks.ui.events import emit_many_failures
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.live import show_progress
from tasks.ui.page_links import link_corpus
from tasks.ui.run_names import name_run
from tasks.ui.sheets import show_videos
from tasks.workers import count_workers


@flow(
    name="embed",
    **HOOKS,
    flow_run_name=name_run("embed-{corpus}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def embed(
    corpus: str, spec: EmbedSpec | None = None, retry: Failures | None = None
) -> dict[str, Any]:
    """Embeds videos that have no frame vectors yet, shard by shard; finished ones are kept.

    Args:
        corpus: Name of an ingested corpus.
        spec: Model and sampling of frames; the corpus's current ones if left out.
        retry: Failures to try again; none if left out.
    """
    workspace = open_workspace(Settings())
    with workspace.lock_stage(workspace.check_corpus(corpus), "embed", wait_turn):
        cancel_leftovers(workspace.store.root, corpus)
        imported = find_imported(workspace, corpus) if spec is None else None
        spec = choose_embed_spec(workspace, corpus, spec)
        # What the corpus has stays current until a worker has loaded the model: where none can,
        # searches, and nights that name no model, go on with it.
        stage = imported or register_embed(workspace, corpus, spec, shadow=True)
        shards = [] if imported else plan_videos(workspace, stage, retry)
        before = count_covered(workspace, stage)  # before embedding: the page shows both
        embedded = embed_shards(workspace, stage, spec, shards, partial(_begin_stage, workspace))
        embedded.require_any()  # inside the lock, before anything is published
    summary = embedded.to_dict()
    videos = show_embedded("embed", workspace, stage, before, summary)
    if embedded.done:
        publish_stage(workspace, stage, videos_key(corpus), new=embedded.done, videos=videos)
        show_videos("embed", workspace, corpus)
    embedded.require_hosts()
    return finish_run(summary, {"embed": summary}, workspace.settings.failed_share)


def show_embedded(
    kind: str, workspace: Workspace, stage: Stage, before: tuple[int, int], summary: dict[str, Any]
) -> int:
    """Puts figures, coverage and failures on the page of a run; how many videos are done.

    `kind` names the run, as in "backfill"; `before` is the coverage when it began.
    """
    after = count_covered(workspace, stage)
    coverage = {
        "coverage before": format_covered(*before), "coverage after": format_covered(*after)
    }  # fmt: skip
    publish_summary(kind, stage.corpus, summary | coverage | link_corpus(workspace, stage.corpus))
    publish_failures(workspace, stage)
    record_figures(workspace, stage.corpus)
    return after[0]


def _begin_stage(workspace: Workspace, stage: Stage) -> None:
    make_current(workspace.store, stage)
    warn_of_mismatch(workspace, stage.corpus)


def embed_shards(
    workspace: Workspace, stage: Stage, spec: EmbedSpec, shards: list[str],
    begin: Callable[[Stage], None] = lambda stage: None,
) -> EmbedSummary:  # fmt: skip
    """Embeds planned shards with workers of their own, if there are any.

    `begin` is called once they have loaded the model, before the first shard.
    """
    # No worker is started, and no model loaded, where everything is embedded already.
    if not shards:
        begin(stage)
        return EmbedSummary(workspace, stage, count_workers(workspace.settings))
    with open_embed_run(workspace, stage, spec) as run:
        begin(stage)
        return embed_with(run, shards)


@contextmanager
def open_embed_run(workspace: Workspace, stage: Stage, spec: EmbedSpec) -> Iterator[EmbedRun]:
    """Workers that embed, once they were seen to make the vectors that are stored."""
    workers = count_workers(workspace.settings)
    with open_runner(workspace.settings, workers) as runner, show_progress("embed", stage.corpus):
        run = EmbedRun(workspace, stage, spec, runner)
        with record_held(runner):
            check_canary(run)  # before the first shard: no video may mix vectors of two kinds
            try:
                yield run
            finally:
                _merge_stage(run)


def embed_with(run: EmbedRun, shards: list[str]) -> EmbedSummary:
    """Embeds planned shards with workers that are there."""
    workspace, stage = run.workspace, run.of
    summary = EmbedSummary(workspace, stage, run.workers, hosts=run.hosts)
    started = time.monotonic()
    run.progress = Progress("embed", *count_planned(workspace, stage, shards))
    run_shards(run, shards, summary.add, partial(_merge_stage, run, MERGE_EVERY_S))
    ended = time.monotonic()
    summary.seconds, summary.hours = ended - started, run.progress.hours
    summary.held_s = run.take_held_s()
    emit_many_failures(stage, summary.failed, summary.attempts, workspace.settings.failed_share)
    return summary


def _merge_stage(run: EmbedRun, pause_s: float = 0.0) -> None:
    """Brings the catalogue up to date, unless it was less than `pause_s` ago.

    That looks at all shards there are: after each of thousands of windows it would be in vain.
    """
    if time.monotonic() - run.merged_at >= pause_s:
        stage, run.merged_at = run.of, time.monotonic()
        with run.workspace.open_catalog() as catalog:
            store = run.workspace.store
            merge.sync_stage(catalog, store, stage.corpus, stage.kind, stage.fingerprint)

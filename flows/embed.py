"""The embed flow: every video that has no frame vectors under a spec gets them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.catalog import merge
from data.catalog.failures import Failures
from data.settings import Settings
from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace, open_workspace
from tasks.embed.canary import check_canary
from tasks.embed.child_runs import cancel_left
from tasks.embed.shard import Embedding, embed_shard_task
from tasks.embed.summary import Tally, covered, share
from tasks.plan import plan, planned
from tasks.progress import Progress, say
from tasks.shards import AT_ONCE, run_shards
from tasks.stages import embed_spec, embed_stage
from tasks.ui.artifacts import publish, publish_failures
from tasks.ui.assets import stage_made, videos_of
from tasks.ui.live import watched
from tasks.ui.sheets import show_videos
from tasks.workers import embed_workers, open_runner


@flow(
    name="embed",
    flow_run_name="embed-{corpus}",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def embed(
    corpus: str, spec: EmbedSpec | None = None, retry: Failures | None = None
) -> dict[str, Any]:
    """Embeds what is missing, shard by shard; what is done stays done, however often it is run.

    Args:
        corpus: a corpus that was ingested
        spec: the model and which frames are sampled; the corpus's own if left out
        retry: failures to try again; none if left out
    """
    workspace = open_workspace(Settings())
    with workspace.only_run(workspace.known(corpus), "embed", say):
        cancel_left(workspace.store.root, corpus)
        spec = embed_spec(workspace, corpus, spec)
        stage = embed_stage(workspace, corpus, spec)
        shards = plan(workspace, stage, retry)
        before = covered(workspace, stage)
        tally, seconds, hours = embed_shards(workspace, stage, spec, shards)
        tally.refuse_nothing()
    summary = tally.summary(seconds, hours)
    videos = show("embed", workspace, stage, before, summary)
    if tally.done:
        stage_made(workspace, stage, videos_of(corpus), new=tally.done, videos=videos)
        show_videos("embed", workspace, corpus)
    return summary


def show(
    kind: str, workspace: Workspace, stage: Stage, before: tuple[int, int], summary: dict[str, Any]
) -> int:
    """Figures, coverage before and after, and what failed, on the run's page; the videos done.

    Of a run of this `kind`, as "backfill"; `before` is what `covered` gave when it began.
    """
    after = covered(workspace, stage)
    coverage = {"coverage before": share(*before), "coverage after": share(*after)}
    publish(kind, stage.corpus, summary | coverage)
    publish_failures(workspace, stage)
    return after[0]


def embed_shards(
    workspace: Workspace, stage: Stage, spec: EmbedSpec, shards: list[str]
) -> tuple[Tally, float, float]:
    """Embeds planned shards: what came of them, the seconds it took, the hours of video."""
    if not shards:
        return Tally(workspace, stage, embed_workers(workspace.settings)), 0.0, 0.0
    with embedding(workspace, stage, spec) as run:
        return embed_by(run, shards)


@contextmanager
def embedding(workspace: Workspace, stage: Stage, spec: EmbedSpec) -> Iterator[Embedding]:
    """Workers that embed, once they were seen to make the vectors that are stored."""
    workers = embed_workers(workspace.settings)
    with open_runner(workspace.settings, workers) as runner, watched("embed", stage.corpus):
        run = Embedding(workspace, stage, spec, runner)
        check_canary(run)
        yield run


def embed_by(run: Embedding, shards: list[str]) -> tuple[Tally, float, float]:
    """As `embed_shards`, by workers that are there."""
    workspace, stage, workers = run.workspace, run.stage, embed_workers(run.workspace.settings)
    tally, started = Tally(workspace, stage, workers), time.monotonic()
    run.progress = Progress("embed", *planned(workspace, stage, shards))
    run_shards(
        partial(embed_shard_task.submit, run), shards, 2 * workers, tally.add,
        partial(_merge, workspace, stage),
    )  # fmt: skip
    ended = time.monotonic()
    tally.held_s, run.held_since = ended - run.held_since, ended
    tally.tell_of_failures()
    return tally, ended - started, run.progress.hours


def _merge(workspace: Workspace, stage: Stage) -> None:
    with workspace.catalog() as catalog:
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)

"""The split flow: cuts a corpus's long videos into shots, which are the rows of another corpus."""

import time
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.catalog import merge
from data.errors import UserError
from data.ids import check_corpus_name
from data.settings import Settings
from data.shards.stages import Stage
from data.specs.split import SplitSpec
from data.workspace import Workspace, open_workspace
from flows.ingest import ingest
from tasks.plan import count_planned, plan_videos
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE, run_shards
from tasks.split.shots import write_shots
from tasks.split.summary import SplitSummary
from tasks.split.writer import SplitRun
from tasks.stages import register_split
from tasks.ui.artifacts import publish_failures, publish_summary
from tasks.ui.assets import publish_stage, videos_key
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.live import show_progress
from tasks.ui.run_names import name_run
from tasks.workers import count_workers


@flow(
    name="split",
    **HOOKS,
    flow_run_name=name_run("split-{corpus}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def split(corpus: str, into: str, spec: SplitSpec | None = None) -> dict[str, Any]:
    """Cuts videos into shots and ingests these into another corpus; nothing is encoded again.

    Args:
        corpus: Name of an ingested corpus.
        into: Name of the corpus of shots; it is created if it does not exist.
        spec: How cuts are found and how long shots may be; the usual if left out.
    """
    workspace, spec = open_workspace(Settings()), spec or SplitSpec()
    if check_corpus_name(into) == workspace.check_corpus(corpus):
        raise UserError(f"shots of {corpus} need a corpus of their own: name another by --into")
    with workspace.lock_stage(corpus, "split", wait_turn):
        stage = register_split(workspace, corpus, spec)
        summary = _split_videos(workspace, stage, spec)
        summary.require_any(workspace, stage)
        table, shots = write_shots(workspace, stage)
    made = summary.to_dict(stage) | {"shots": shots, "table": table}
    publish_summary("split", corpus, made)
    publish_failures(workspace, stage)
    if summary.done:
        publish_stage(workspace, stage, videos_key(corpus), new=summary.done, shots=shots)
    made |= {"into": into, "ingested": ingest(table, into) if shots else {}}
    return finish_run(made, {"split": made}, workspace.settings.failed_share)


def _split_videos(workspace: Workspace, stage: Stage, spec: SplitSpec) -> SplitSummary:
    shards, summary = plan_videos(workspace, stage), SplitSummary()
    if not shards:
        return summary
    workers, started = count_workers(workspace.settings), time.monotonic()
    with open_runner(workspace.settings, workers) as runner, show_progress("split", stage.corpus):
        run = SplitRun(workspace, stage, spec, runner)
        run.progress = Progress("split", *count_planned(workspace, stage, shards))
        try:
            run_shards(run, shards, summary.add)
        finally:
            with workspace.open_catalog() as catalog:
                merge.sync_stage(
                    catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint
                )
    summary.seconds = time.monotonic() - started
    return summary

"""The dedup flow: finds near-duplicates over a whole corpus; deletes nothing."""

from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.catalog import merge
from data.settings import Settings
from data.shards.stages import Stage, register_stage, spec_in_use
from data.specs.dedup import DedupSpec
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace, open_workspace
from engines.dedup.engine import VERSION
from engines.index.kinds.flat import open_index
from engines.runners.in_process import InProcessRunner
from tasks.dedup.groups import Compared, group_duplicates
from tasks.dedup.page import write_duplicates_page, write_groups_table
from tasks.dedup.run import DedupRun, locate_frames, plan_contents
from tasks.index.versions import fetch_version
from tasks.outputs import open_output, resolve_output
from tasks.progress import Progress
from tasks.retrieve.retriever import find_index
from tasks.ui.hooks import HOOKS
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE, run_shards
from tasks.ui.artifacts import publish_summary
from tasks.ui.assets import publish_stage, stage_key
from tasks.ui.live import show_progress
from tasks.ui.run_names import name_run


@flow(
    name="dedup", **HOOKS, flow_run_name=name_run("dedup-{corpus}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)  # fmt: skip
def dedup(
    corpus: str, spec: DedupSpec | None = None, out: str | None = None, report: str | None = None
) -> dict[str, Any]:
    """Compares what is new in the index with all of it, and groups near-duplicates.

    Args:
        corpus: Name of an indexed corpus.
        spec: What counts as a copy and which one is kept; the corpus's current one if left out.
        out: Parquet file of all groups to write; none if left out.
        report: HTML page of pairs that play side by side to write; none if left out.
    """
    workspace = open_workspace(Settings())
    with workspace.lock_stage(workspace.check_corpus(corpus), "dedup", wait_turn):
        index, version = find_index(workspace, corpus)
        spec = spec or spec_in_use(workspace.store, corpus, "dedup", DedupSpec())
        # A shadow until its groups are there: conditions go by the former ones meanwhile.
        stage = register_stage(
            workspace.store, corpus, "dedup", spec, VERSION, index.fingerprint, shadow=True
        )
        shards = plan_contents(workspace, stage, index, version)
        with TemporaryFolder() as folder:
            opened = fetch_version(workspace, index, version, Path(folder) / "index")
            progress = _compare(workspace, stage, spec, (index, opened), shards, Path(folder))
            compared = Compared(index, version, open_index(opened))
            counts = group_duplicates(workspace, stage, spec, compared)
    summary = {
        "corpus": corpus, "fingerprint": stage.fingerprint, "index_version": version,
        "threshold": spec.threshold, "keep": spec.keep, "compared": progress.done,
        "not_compared": progress.failed, **counts,
    }  # fmt: skip
    if out:
        with open_output(out) as file:
            write_groups_table(workspace, stage, file)
        summary["out"] = resolve_output(out)
    if report:
        with open_output(report) as file:
            write_duplicates_page(workspace, stage, summary, file)
        summary["page"] = resolve_output(report)
    publish_summary("dedup", corpus, summary)
    publish_stage(workspace, stage, stage_key(workspace, index), duplicates=counts["duplicates"])
    return summary


def _compare(
    workspace: Workspace, stage: Stage, spec: DedupSpec, index: tuple[Stage, Path],
    shards: list[str], folder: Path,
) -> Progress:  # fmt: skip
    """Runs the planned shards; their counts."""
    if not shards:
        return Progress("dedup", 0)
    locate_frames(workspace, stage.corpus, index[1], folder / "locations.arrow")
    runner = InProcessRunner()
    run = DedupRun(workspace, stage, spec, index, folder / "locations.arrow", runner)
    run.progress = Progress("dedup", run.count_items(shards))
    try:
        with show_progress("dedup", stage.corpus):
            run_shards(run, shards, merge=partial(_merge_stage, workspace, stage))
    finally:
        runner.close()
    return run.progress


def _merge_stage(workspace: Workspace, stage: Stage) -> None:
    with workspace.open_catalog() as catalog:
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)

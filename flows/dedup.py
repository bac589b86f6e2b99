"""The dedup flow: finds near-duplicates over a whole corpus; deletes nothing."""

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.settings import Settings
from data.shards.stages import current_stage, spec_in_use
from data.specs.dedup import DedupSpec
from data.workspace import open_workspace
from tasks.dedup.compare import compare_contents, register_dedup
from tasks.dedup.fetched import fetch_index
from tasks.dedup.groups import group_duplicates
from tasks.dedup.page import write_duplicates_page, write_groups_table
from tasks.dedup.plan import plan_contents
from tasks.outputs import open_output, resolve_output
from tasks.retrieve.retriever import find_index
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE
from tasks.ui.artifacts import publish_summary
from tasks.ui.assets import publish_stage, stage_key
from tasks.ui.hooks import HOOKS
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
        embed = current_stage(workspace.store, corpus, "embed")
        assert embed is not None  # there is an index over it
        stage = register_dedup(workspace, corpus, spec, index)
        with fetch_index(workspace, index, version) as fetched, show_progress("dedup", corpus):
            shards = plan_contents(workspace, stage, embed, spec, fetched)
            progress = compare_contents(workspace, stage, embed, spec, shards)
            counts = group_duplicates(workspace, stage, spec, fetched)
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

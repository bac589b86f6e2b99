"""The maintain flow: checks a corpus and its store; changes nothing by default."""

from typing import Any

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from data.catalog.failures import Failures
from data.settings import Settings
from data.shards.stages import current_stage
from data.stamps import utc_now
from data.workspace import Workspace, open_workspace
from flows.pool import pool
from flows.retry import retry
from tasks.embed.compact import compact_corpus as pack
from tasks.embed.maintain import collect_leftovers, measure_canary, verify_videos
from tasks.retry import count_failures
from tasks.service.history import prune_history
from tasks.service.orphans import end_orphans
from tasks.ui.artifacts import publish_summary, publish_table
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="maintain", flow_run_name=name_run("maintain-{corpus}"), **HOOKS)
def maintain(
    corpus: str,
    sample: int = 100,
    remove: bool = False,
    keep: int = 2,
    rebuild: bool = False,
    canary: bool = True,
    compact: bool = False,
    requeue: bool = False,
) -> dict[str, Any]:
    """Reads a sample of the videos again, lists leftovers, and embeds the canary again.

    Args:
        corpus: Name of the corpus whose videos are read.
        sample: Number of videos to read again; others every day.
        remove: Delete the store's leftovers, and Prefect's old runs, instead of listing them.
        keep: Versions of each index to keep.
        rebuild: Rebuild the catalogue from the store.
        canary: Embed the canary again, to check that this machine computes the same vectors.
        compact: Merge small files instead of counting them.
        requeue: Retry failures of other decoder versions instead of counting them.
    """
    workspace = open_workspace(Settings())
    workspace.check_corpus(corpus)
    if rebuild:
        workspace.rebuild_catalog()  # first: all that follows asks the catalogue
    wrong = verify_videos(workspace, corpus, sample, seed=utc_now()[:10])
    outdated = count_failures(workspace, corpus, Failures(outdated=True))
    if requeue and outdated:
        retry(corpus, outdated=True)
    small = _compact_files(workspace, corpus) if compact else pack(workspace, corpus, do=False)
    left, old = collect_leftovers(workspace, keep, remove), _prune_runs(workspace, remove)
    alike = measure_canary(workspace, corpus) if canary else None
    _publish_findings(
        corpus, {"wrong": wrong, "outdated": outdated, "small-files": small, "leftovers": left}
    )
    summary = {
        "corpus": corpus, "wrong": len(wrong), "examples": wrong[:10],
        "outdated": sum(row["videos"] for row in outdated), "requeued": requeue and bool(outdated),
        "small_files": sum(row["files"] for row in small),
        "packs": sum(row["packs"] for row in small), "packed": compact and bool(small),
        "leftovers": len(left), "leftover_bytes": sum(row["bytes"] for row in left),
        "removed": remove and bool(left), "canary": alike, "old_runs": old,
    }  # fmt: skip
    publish_summary("maintain", corpus, summary)
    return summary | {"leftover_names": [row["name"] for row in left[:50]]}


def _prune_runs(workspace: Workspace, remove: bool) -> int:
    """How many of our runs Prefect has had for longer than the settings allow; deletes them."""
    if FlowRunContext.get() is None:
        return 0
    with get_client(sync_client=True) as client:
        end_orphans(client)
        return prune_history(client, workspace.settings.history_days, remove)


def _publish_findings(corpus: str, found: dict[str, list[dict[str, Any]]]) -> None:
    """Each kind of finding as a table of the run."""
    for name, rows in found.items():
        if rows:
            publish_table(f"maintain-{name}", corpus, rows)


def _compact_files(workspace: Workspace, corpus: str) -> list[dict[str, Any]]:
    """What was packed; pooling follows at once where the corpus was pooled."""
    made = pack(workspace, corpus, do=True)
    packed = any("/embed/" in row["folder"] for row in made)
    if packed and current_stage(workspace.store, corpus, "pool"):
        pool(corpus)
    return made

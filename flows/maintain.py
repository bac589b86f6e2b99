"""The maintain flow: looks after a corpus and its store, and changes nothing unless asked."""

from typing import Any

from prefect import flow

from data.catalog.failures import Failures
from data.runs.generations import now
from data.settings import Settings
from data.shards.stages import current
from data.workspace import Workspace, open_workspace
from flows.pool import pool
from flows.retry import retry
from tasks.embed.compact import compact as pack
from tasks.embed.maintain import canary_now, collect, verify
from tasks.retry import count_failures
from tasks.ui.artifacts import publish, publish_table


@flow(name="maintain", flow_run_name="maintain-{corpus}")
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
    """Reads a sample of the videos again, looks for leftovers, and embeds the canary anew.

    Args:
        corpus: the corpus whose videos are read
        sample: how many of them; others every day
        remove: remove the leftovers of the whole store, not only list them
        keep: versions of each index that stay
        rebuild: make the catalogue again from the store
        canary: embed the canary, to see whether this machine still makes the same vectors
        compact: make few files of many small ones, not only count them
        requeue: try again what another version of the decoder refused, not only count it
    """
    workspace = open_workspace(Settings())
    workspace.known(corpus)
    if rebuild:
        workspace.rebuild_catalog()
    wrong = verify(workspace, corpus, sample, seed=now()[:10])
    outdated = count_failures(workspace, corpus, Failures(outdated=True))
    if requeue and outdated:
        retry(corpus, outdated=True)
    small = _compacted(workspace, corpus) if compact else pack(workspace, corpus, do=False)
    left = collect(workspace, keep, remove)
    alike = canary_now(workspace, corpus) if canary else None
    _show(corpus, {"wrong": wrong, "outdated": outdated, "small-files": small, "leftovers": left})
    summary = {
        "corpus": corpus, "wrong": len(wrong), "examples": wrong[:10],
        "outdated": sum(row["videos"] for row in outdated), "requeued": requeue and bool(outdated),
        "small_files": sum(row["files"] for row in small),
        "packs": sum(row["packs"] for row in small), "packed": compact and bool(small),
        "leftovers": len(left), "leftover_bytes": sum(row["bytes"] for row in left),
        "removed": remove and bool(left), "canary": alike,
    }  # fmt: skip
    publish("maintain", corpus, summary)
    return summary | {"leftover_names": [row["name"] for row in left[:50]]}


def _show(corpus: str, found: dict[str, list[dict[str, Any]]]) -> None:
    """Each kind of finding as a table of the run."""
    for name, rows in found.items():
        if rows:
            publish_table(f"maintain-{name}", corpus, rows)


def _compacted(workspace: Workspace, corpus: str) -> list[dict[str, Any]]:
    """What was packed; pooling follows at once where the corpus was pooled."""
    made = pack(workspace, corpus, do=True)
    packed = any("/embed/" in row["folder"] for row in made)
    if packed and current(workspace.store, corpus, "pool"):
        pool(corpus)
    return made

"""The withdraw flow: a video is used no more, and what was made of it can be made again."""

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.settings import Settings
from data.workspace import open_workspace
from tasks.generate.provenance import influenced
from tasks.generate.requests import plan_requests
from tasks.generate.run import complete
from tasks.generate.withdrawal import by_run, forget, mark_withdrawn
from tasks.progress import say
from tasks.shards import AT_ONCE
from tasks.ui.artifacts import publish


@flow(
    name="withdraw",
    flow_run_name="withdraw-{video}",
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def withdraw(
    video: str, corpus: str, why: str | None = None, regenerate: bool = False
) -> dict[str, Any]:
    """Takes a video, and exact copies of it, out of every search from now on.

    Args:
        video: its id
        corpus: the corpus that it is in
        why: a note for those who ask later
        regenerate: remove the files of every output that it conditioned, and make them again
    """
    workspace = open_workspace(Settings())
    marked = mark_withdrawn(workspace, workspace.known(corpus), video, why)
    outputs = influenced(workspace, video, corpus)
    again = []
    for run, some in by_run(workspace, outputs) if regenerate else []:
        with workspace.only_writer(run.folder, f"generates {run.fingerprint}", say):
            forget(workspace, run, some)
            again.append(complete(workspace, run, plan_requests(workspace, run)))
    summary = {"corpus": corpus, **marked, "outputs": outputs, "regenerated": again}
    publish("withdraw", corpus, summary | {"outputs": len(outputs), "regenerated": len(again)})
    return summary

"""The withdraw flow: excludes a video from searches and regenerates what it influenced."""

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.runs.refinements import find_refined
from data.settings import Settings
from data.workspace import open_workspace
from tasks.answer.withdrawal import find_answers, remove_answers
from tasks.generate.provenance import list_influenced
from tasks.generate.requests import plan_requests
from tasks.generate.run import complete_run
from tasks.generate.withdrawal import group_by_run, mark_withdrawn, remove_outputs
from tasks.refine.withdrawal import remove_refined
from tasks.report.changed import remove_pages
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE
from tasks.ui.artifacts import publish_summary
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(
    name="withdraw",
    **HOOKS,
    flow_run_name=name_run("withdraw-{video}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def withdraw(
    video: str, corpus: str, why: str | None = None, regenerate: bool = False
) -> dict[str, Any]:
    """Excludes a video, and exact copies of it, from every search from now on.

    Args:
        video: Id of the video.
        corpus: Name of the corpus that it is in.
        why: Reason, kept as a note.
        regenerate: Delete the generated videos that it influenced and generate them again; refined
            videos of these are deleted as well, and so is what answers say that go by it.
    """
    workspace = open_workspace(Settings())
    # First, so that no request planned below retrieves it again.
    marked = mark_withdrawn(workspace, workspace.check_corpus(corpus), video, why)
    outputs = list_influenced(workspace, video, corpus)
    refined = find_refined(workspace.store, {row["sha256"] for row in outputs} - {None})
    answers = find_answers(workspace, corpus, marked["content"])
    if regenerate:
        remove_answers(workspace, corpus, marked["content"], answers)
        remove_refined(workspace, refined)  # before their outputs, by whose bytes they are found
    again = []
    for run, some in group_by_run(workspace, outputs) if regenerate else []:
        with workspace.lock_store_folder(run.folder, f"generates {run.fingerprint}", wait_turn):
            remove_outputs(workspace, run, some)  # before planning: requests with a video are done
            remove_pages(workspace.store, run.fingerprint)
            again.append(complete_run(workspace, run, plan_requests(workspace, run)))
    summary = {"corpus": corpus, **marked, "outputs": outputs, "regenerated": again}
    summary |= {
        "refined": refined,
        "answers": answers,
        "removed_answers": len(answers) * regenerate,
    }
    counts = {"outputs": len(outputs), "regenerated": len(again), "refined": len(refined),
              "answers": len(answers)}  # fmt: skip
    publish_summary("withdraw", corpus, summary | counts)
    return summary

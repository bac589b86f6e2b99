"""The answer flow: answers questions about videos from their texts and frames."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.settings import Settings
from data.specs.answer import AnswerSpec
from data.store.layout import answers_folder
from data.workspace import open_workspace
from tasks.answer.exports import check_file, export_answers
from tasks.answer.request import plan_answers
from tasks.answer.run import complete_answers
from tasks.answer.summary import require_any_answer
from tasks.shard import AT_ONCE
from tasks.ui.artifacts import publish_failed_rows, publish_summary
from tasks.ui.assets import folder_key, publish_asset, videos_key
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.live import show_progress
from tasks.ui.run_names import name_run


@flow(
    name="answer",
    **HOOKS,
    flow_run_name=name_run("answer-{questions}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def answer(
    questions: str,
    corpus: str | None = None,
    videos: str | None = None,
    layout: str = "table",
    spec: AnswerSpec | None = None,
    out: str | None = None,
) -> dict[str, Any]:
    """Answers the questions of a file; those that have an answer already are not asked again.

    Args:
        questions: File of questions: Parquet, CSV, JSON or JSON Lines.
        corpus: Name of the corpus that has the videos and their texts.
        videos: Folder of the videos, in place of a corpus; it has no texts.
        layout: Layout of the file: table, or that of a benchmark.
        spec: Model, texts and frames; no language model if left out.
        out: File to write the answers to, .parquet or .jsonl.
    """
    check_file(out)
    workspace, spec = open_workspace(Settings()), spec or AnswerSpec()
    planned = plan_answers(workspace, questions, layout, corpus, videos, spec)
    run = planned.run.fingerprint
    with show_progress("answer", run):
        summary, answers = complete_answers(workspace, planned)
    require_any_answer(summary, answers)
    if out is not None:
        export_answers(answers, planned.run.questions, out)
        summary = summary | {"file": Path(out)}
    publish_summary("answer", run, summary)
    rows = ({"question": a.question, "reason": a.reason, "detail": a.detail} for a in answers)
    publish_failed_rows("answer", run, rows, "question")
    made_from = [videos_key(corpus)] if corpus else []
    publish_asset(
        folder_key(answers_folder(run)), f"answers of {run}", made_from,
        fingerprint=run, questions=summary["questions"],
    )  # fmt: skip
    return finish_run(summary, {"answer": summary}, workspace.settings.failed_share)

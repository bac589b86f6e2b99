"""Runs answers: plans and answers what is missing, then writes the tables and the summary."""

import json
from typing import Any

from data.runs.answering import read_answered, record_answering, write_answers
from data.runs.answers import Answer
from data.workspace import Workspace
from tasks.answer.request import PlannedAnswers
from tasks.answer.summary import check_complete, summarize
from tasks.answer.writer import AnswerRun, plan_items
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import run_shards
from tasks.workers import count_workers


def complete_answers(
    workspace: Workspace, planned: PlannedAnswers
) -> tuple[dict[str, Any], list[Answer]]:
    """Answers the questions without a row; the summary of all, and their answers in order."""
    run, settings = planned.run, workspace.settings
    # Two runs at once would each list the same questions, and pay for them twice.
    with workspace.lock_store_folder(run.folder, f"answers {run.fingerprint}", wait_turn):
        record = record_answering(workspace.store, run)
        if shards := plan_items(workspace, run):
            with open_runner(settings, count_workers(settings)) as runner:
                run_shards(AnswerRun(workspace, planned, runner, shards), shards)
        for name in workspace.store.list_names(f"{run.folder}/parts"):
            _drop_parts(workspace, name)
        return _write_summary(workspace, planned, record)


def _write_summary(
    workspace: Workspace, planned: PlannedAnswers, record: dict[str, Any]
) -> tuple[dict[str, Any], list[Answer]]:
    store, run = workspace.store, planned.run
    answers = check_complete(run.questions, read_answered(store, run.folder))
    write_answers(store, f"{run.folder}/answers.parquet", answers)
    summary = summarize(record, run.questions, answers)
    content = json.dumps(summary, indent=2, allow_nan=False).encode()
    store.write(f"{run.folder}/summary.json", content)  # last: it marks the run as complete
    return summary, answers


def _drop_parts(workspace: Workspace, folder: str) -> None:
    """Removes the answers of single videos, all of which a shard's table has now."""
    for name in workspace.store.list_names(folder):
        workspace.store.delete(name)

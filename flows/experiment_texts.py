"""The experiment "do texts help?": the same questions, from several texts and from none."""

from pathlib import Path
from typing import Any

from prefect import flow

from data.settings import Settings
from data.specs.answer import AnswerSpec
from data.workspace import open_workspace
from flows.answer import answer
from tasks.answer.conditions import list_conditions, require_answers
from tasks.answer.experiment import TextExperiment, compare_runs, record_results
from tasks.answer.experiment_page import find_page, write_text_page
from tasks.answer.scoring import judge_run
from tasks.progress import notify
from tasks.ui.artifacts import publish_table
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run


@flow(name="experiment-texts", flow_run_name=name_run("experiment-texts-{corpus}"), **HOOKS)
def experiment_texts(
    corpus: str,
    questions: str,
    layout: str = "table",
    spec: AnswerSpec | None = None,
    out: str | None = None,
) -> dict[str, Any]:
    """Answers the same questions under each condition, and compares with answers without texts.

    Conditions are the texts of the first kind in order, those retrieved, each further kind added,
    and the texts of another video. Questions that are answered already are not asked again.

    Args:
        corpus: Name of an annotated corpus.
        questions: File of questions: Parquet, CSV, JSON or JSON Lines.
        layout: Layout of the file: table, or that of a benchmark.
        spec: Model, texts and frames; no language model, speech and screen if left out.
        out: HTML file to write; report.html in the experiment's folder if left out.
    """
    workspace, spec = open_workspace(Settings()), spec or AnswerSpec()
    conditions, runs = list_conditions(spec.kinds, spec.budget), {}
    for condition in conditions:
        notify(f"{condition.name}: {len(conditions)} conditions in all")
        made = answer(questions, corpus, None, layout, condition.build_spec(spec))
        require_answers(condition.name, made["failed"])
        runs[condition.name] = judge_run(workspace.store, made["run"])
    experiment = TextExperiment(corpus, questions, spec, runs)
    record = record_results(workspace.store, experiment, compare_runs(runs))
    page = Path(out) if out else find_page(workspace.store, experiment)
    write_text_page(workspace, experiment, record, page)
    publish_table("experiment-texts", corpus, record["results"])
    return record | {"page": page}

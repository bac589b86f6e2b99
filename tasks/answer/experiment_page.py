"""Writes the page of the experiment with texts, which plays the moments that answers go by."""

from pathlib import Path
from typing import Any

from data.store.storage import Store
from data.workspace import Workspace
from engines.report.answers import TextTrials, build_answers_page
from engines.report.html import render_template, write_html
from tasks.answer.experiment import TextExperiment
from tasks.answer.videos import find_in_corpus


def find_page(store: Store, experiment: TextExperiment) -> Path:
    """The default path of the page: in the experiment's folder, or here if the store is remote."""
    if store.is_local:
        return store.local_path(f"{experiment.folder}/report.html")
    return Path(f"texts-{experiment.fingerprint}.html").absolute()


def write_text_page(
    workspace: Workspace, experiment: TextExperiment, record: dict[str, Any], page: Path
) -> None:
    """Writes the page: the table of results, then each question with the moments it was given."""
    trials = {name: TextTrials(run.verdicts, run.answers) for name, run in experiment.runs.items()}
    names = {v.question.video for each in trials.values() for v in each.verdicts}
    videos = find_in_corpus(workspace, experiment.corpus, names)
    uris = {name: video.uri for name, video in videos.items()}
    shown = build_answers_page(record, trials, uris, page)
    write_html(page, render_template("answers.html", shown))

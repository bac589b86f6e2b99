"""Writes the page of a generation run, an experiment or an evaluation, found by its name."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.database import load_sql
from data.catalog.merge import sync_withdrawn
from data.errors import UserError
from data.runs.generations import Run, read_generations, read_run
from data.shards.stages import Stage, read_spec
from data.specs.models import describe_model
from data.specs.pipeline import EmbedSpec
from data.store import layout, tables
from data.workspace import Workspace
from engines.evaluate.paired_difference import compare_conditions
from engines.report import generation_summary as summary
from engines.report.contact_sheet import write_contact_sheet
from engines.report.experiment import build_experiment_page
from engines.report.generation import GenerationPage, RunView
from engines.report.html import render_template, write_html
from tasks.report.changed import CHANGED, blank_changed
from tasks.report.leaderboard import read_board, write_leaderboard
from tasks.report.refinement import write_refinement
from tasks.workers import build_probe_setup

LinkClip = Callable[[str, str, str], str | None]  # corpus, id, URI

LATEST = "latest"
# Others are found by fingerprint only: the latest run is the one somebody wants to look at.
LATEST_KINDS = (layout.GENERATIONS, layout.EXPERIMENTS)
NAMED_KINDS = (layout.EVALUATIONS, layout.REFINEMENTS)


def find_folder(workspace: Workspace, name: str) -> str:
    """Finds the folder of a run, experiment or evaluation by its fingerprint or first digits.

    "latest" is the latest run or experiment. Raises a UserError if none or several match.
    """
    store = workspace.store
    folders = [folder for kind in LATEST_KINDS for folder in store.list_names(kind)]
    if name == LATEST and folders:
        return max(folders, key=lambda folder: _sort_key(workspace, folder))
    # Added only now: evaluations are found by name, but are never the latest.
    folders += [folder for kind in NAMED_KINDS for folder in store.list_names(kind)]
    matches = [folder for folder in folders if folder.rpartition("/")[2].startswith(name)]
    if len(matches) == 1 and name:
        return matches[0]
    if matches and name:
        raise UserError(f"{name!r} matches {len(matches)} runs: give more digits")
    raise UserError(f"no run {name!r} in {store.root}: `reelflow generations` lists them")


def page_path(workspace: Workspace, folder: str) -> Path:
    """Returns the default path of a run's page: in its folder, or here if the store is remote."""
    if workspace.store.is_local:
        return workspace.store.local_path(f"{folder}/report.html")
    return Path(f"report-{folder.rpartition('/')[2]}.html").absolute()


@task(name="report", cache_policy=NO_CACHE, persist_result=False)
def write_report_task(workspace: Workspace, folder: str, page: Path) -> dict[str, Any]:
    """Runs `write_report` as a Prefect task."""
    return write_report(workspace, folder, page)


def write_report(
    workspace: Workspace, folder: str, page: Path, link_clip: LinkClip | None = None
) -> dict[str, Any]:
    """Writes the page of a folder and returns its path with counts of what it shows.

    `link_clip` gives the address at which a clip of a corpus is served, by its id and URI, where
    the page is.

    An evaluation's page is the leaderboard with that evaluation only. Raises a UserError if the
    run has no output yet.
    """
    kind, _, fingerprint = folder.rpartition("/")
    if kind == layout.EVALUATIONS:
        return write_leaderboard(workspace, read_board(workspace, [fingerprint]), page)
    if kind in WRITERS:
        return WRITERS[kind](workspace, fingerprint, page)
    return _write_run(workspace, fingerprint, page, link_clip)


def _write_run(
    workspace: Workspace, fingerprint: str, page: Path, link_clip: LinkClip | None
) -> dict[str, Any]:
    """Writes the page of a generation run, and a contact sheet beside it."""
    run = read_run(workspace.store, fingerprint)
    rows = list(read_generations(workspace.store, run))
    if not rows:
        raise UserError(f"run {fingerprint} has no videos yet: run `reelflow generate` again")
    link = partial(link_clip, run.corpus) if link_clip else None
    view = RunView(workspace.store, run, page, withdrawn_contents(workspace, run.corpus), link)
    sheet = page.with_name(f"{page.stem}-sheet.jpg")  # beside the page: both are uploaded together
    pictured = write_contact_sheet(view, rows, build_probe_setup(workspace.settings), sheet)
    shown = GenerationPage(
        f"Videos generated with {run.corpus}", summary.format_lead(run, rows),
        view.group_prompts(rows), _describe_run(workspace, run), summary.list_settings(run),
        summary.build_figures(rows), f"{run.spec.width} / {run.spec.height}",
        sheet.name if pictured else None,
    )  # fmt: skip
    write_html(page, render_template("generation.html", shown))
    failed = sum(row["reason"] is not None for row in rows)
    counts = {"prompts": len(shown.prompts), "videos": len(rows) - failed, "failed": failed}
    return {"run": fingerprint, **counts, "page": page, "sheet": sheet}


def _describe_run(workspace: Workspace, run: Run) -> dict[str, str]:
    """Names the models of a run, with the one that its clips were found by."""
    about, stage = summary.describe_run(run), Stage(run.corpus, "embed", run.embed or "")
    if run.embed and workspace.store.exists(layout.spec_file(stage.folder)):
        about["clips found by"] = describe_model(read_spec(workspace.store, stage, EmbedSpec))
    return about


def _write_experiment(workspace: Workspace, fingerprint: str, page: Path) -> dict[str, Any]:
    store, folder = workspace.store, layout.experiment_folder(fingerprint)
    # The summary is written last: without it some conditions are not measured yet.
    if not store.exists(f"{folder}/summary.json"):
        raise UserError(f"experiment {fingerprint} has not finished: run it again to resume it")
    recorded = json.loads(store.read(layout.spec_file(folder)))
    scores = tables.read_table(store, f"{folder}/rows.parquet").to_pylist()
    rows = blank_changed(store, scores, recorded["made"])
    # Not as recorded: intervals of 0.1.0 took the samples of a prompt for independent.
    differences = compare_conditions(rows)
    changed = len({(row["run"], row["request_id"]) for row in rows if row["reason"] == CHANGED})
    summary = json.loads(store.read(f"{folder}/summary.json"))
    distances = summary.get("distances", ())
    shown = build_experiment_page(store, recorded, differences, rows, page, changed, distances)
    write_html(page, render_template("experiment.html", shown))
    conditions = len({result.condition for result in differences})
    counts = {"prompts": len(shown.prompts), "conditions": conditions}
    return {"experiment": fingerprint, **counts, "page": page}


WRITERS = {layout.EXPERIMENTS: _write_experiment, layout.REFINEMENTS: write_refinement}


def withdrawn_contents(workspace: Workspace, corpus: str) -> set[str]:
    """Returns the contents of a corpus that are withdrawn, and must not be shown."""
    with workspace.open_catalog() as catalog:
        # Another host may have withdrawn a video since this catalogue was last merged.
        sync_withdrawn(catalog, workspace.store, corpus)
        rows = catalog.execute(load_sql("withdrawn_contents"), corpus=corpus)
    return {content for (content,) in rows}


def _sort_key(workspace: Workspace, folder: str) -> tuple[str, bool]:
    """Sorts by time; an experiment comes after its last run, made in the same second."""
    recorded = json.loads(workspace.store.read(layout.spec_file(folder)))
    return recorded["made"], folder.startswith(layout.EXPERIMENTS)

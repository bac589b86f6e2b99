"""Pages of what was generated or measured: a run with its contact sheet, an experiment, and on."""

import json
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.catalog.database import sql
from data.catalog.merge import sync_withdrawn
from data.errors import UserError
from data.runs.generations import generations, run_of
from data.store import layout, tables
from data.workspace import Workspace
from engines.evaluate.paired_difference import Result
from engines.report import generation_summary as head
from engines.report.contact_sheet import contact_sheet
from engines.report.experiment import experiment_page
from engines.report.generation import GenerationPage, Shown
from engines.report.html import render, write
from engines.report.leaderboard.board import board
from tasks.report.leaderboard import write_leaderboard

LATEST = "latest"
KINDS = (layout.GENERATIONS, layout.EXPERIMENTS)


def find(workspace: Workspace, name: str) -> str:
    """The folder of the run, experiment or evaluation that a fingerprint or its first digits name.

    "latest" is the latest run or experiment. A UserError where there is none, or more than one.
    """
    store = workspace.store
    made = [folder for kind in KINDS for folder in store.names(kind)]
    if name == LATEST and made:
        return max(made, key=lambda folder: _made(workspace, folder))
    made += store.names(layout.EVALUATIONS)
    found = [folder for folder in made if folder.rpartition("/")[2].startswith(name)]
    if len(found) == 1 and name:
        return found[0]
    if found and name:
        raise UserError(f"{name!r} begins {len(found)} runs: give more of its digits")
    raise UserError(f"no run {name!r} in {store.root}: `reelflow generations` lists them")


def page_path(workspace: Workspace, folder: str) -> Path:
    """Where the page of a run goes: into its folder, or here where the store is elsewhere."""
    if workspace.store.is_local:
        return workspace.store.local(f"{folder}/report.html")
    return Path(f"report-{folder.rpartition('/')[2]}.html").absolute()


@task(name="report", cache_policy=NO_CACHE, persist_result=False)
def write_report(workspace: Workspace, folder: str, page: Path) -> dict[str, Any]:
    """Writes the page that fits; where it is, and what is on it, in numbers.

    A UserError where nothing is made yet. Of an evaluation it is the leaderboard with it alone.
    """
    kind, _, fingerprint = folder.rpartition("/")
    if kind == layout.EVALUATIONS:
        return write_leaderboard(workspace, board(workspace, [fingerprint]), page)
    writer = _experiment if kind == layout.EXPERIMENTS else _generation
    return writer(workspace, fingerprint, page)


def _generation(workspace: Workspace, fingerprint: str, page: Path) -> dict[str, Any]:
    """Beside the page goes a contact sheet."""
    run = run_of(workspace.store, fingerprint)
    rows = list(generations(workspace.store, run))
    if not rows:
        raise UserError(f"nothing of run {fingerprint} is made yet: run `reelflow generate` again")
    shown = Shown(workspace.store, run, page, gone(workspace, run.corpus))
    sheet = page.with_name(f"{page.stem}-sheet.jpg")
    pictured = contact_sheet(shown, rows, workspace.settings, sheet)
    made = GenerationPage(
        run.corpus, head.lead(run, rows), shown.prompted(rows), head.about(run),
        head.settings(run), head.figures(rows), f"{run.spec.width} / {run.spec.height}",
        sheet.name if pictured else None,
    )  # fmt: skip
    write(page, render("generation.html", made))
    failed = sum(row["reason"] is not None for row in rows)
    counts = {"prompts": len(made.prompts), "videos": len(rows) - failed, "failed": failed}
    return {"run": fingerprint, **counts, "page": page, "sheet": sheet}


def _experiment(workspace: Workspace, fingerprint: str, page: Path) -> dict[str, Any]:
    store, folder = workspace.store, layout.experiment(fingerprint)
    if not store.exists(f"{folder}/summary.json"):
        raise UserError(f"experiment {fingerprint} has not ended: run it again, it goes on")
    said = json.loads(store.read(layout.spec(folder)))
    found = json.loads(store.read(f"{folder}/summary.json"))["results"]
    rows = tables.read(store, f"{folder}/rows.parquet").to_pylist()
    made = experiment_page(store, said, [Result(**result) for result in found], rows, page)
    write(page, render("experiment.html", made))
    conditions = len({result["condition"] for result in found})
    counts = {"prompts": len(made.prompts), "conditions": conditions}
    return {"experiment": fingerprint, **counts, "page": page}


def gone(workspace: Workspace, corpus: str) -> set[str]:
    """Contents that are withdrawn."""
    with workspace.catalog() as catalog:
        sync_withdrawn(catalog, workspace.store, corpus)
        return {content for (content,) in catalog.execute(sql("withdrawn"), corpus=corpus)}


def _made(workspace: Workspace, folder: str) -> tuple[str, bool]:
    """Sorts by time; an experiment comes after its last run."""
    said = json.loads(workspace.store.read(layout.spec(folder)))
    return said["made"], folder.startswith(layout.EXPERIMENTS)

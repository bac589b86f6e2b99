"""Writes the page of a refinement."""

import json
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.runs.refinements import read_record, read_refined
from data.store import layout
from data.workspace import Workspace
from engines.report.html import render_template, write_html
from engines.report.refinement import build_refinement_page


def write_refinement(workspace: Workspace, refinement: str, page: Path) -> dict[str, Any]:
    """Writes a refinement's page and returns its path with counts of what it shows."""
    store = workspace.store
    name = f"{layout.refinement_folder(refinement)}/summary.json"
    # The summary is written last: without it the passes are not measured yet.
    if not store.exists(name):
        raise UserError(f"refinement {refinement} was not measured: run `reelflow refine` again")
    summary, rows = json.loads(store.read(name)), list(read_refined(store, refinement))
    shown = build_refinement_page(store, read_record(store, refinement), summary, rows, page)
    write_html(page, render_template("refinement.html", shown))
    counts = {"videos": len(shown.clips), "figures": len(shown.curves)}
    return {"refinement": refinement, **counts, "page": page}

"""Refinements of fakes, for tests of the refine stage."""

from pathlib import Path
from typing import Any

from data.runs.refinements import read_refined
from data.specs.refine import RefineSpec
from data.workspace import Workspace
from support.corpora import table
from tasks.refine.request import build_refinement
from tasks.refine.run import complete_refinement, plan_passes


def write_fakes(folder: Path, first: int, count: int, **faults: str) -> str:
    """A table of fake videos of six frames; `faults` by number, as `v3="undecodable"`."""
    rows = []
    for n in range(first, first + count):
        fault = f"&fault={faults[f'v{n}']}" if f"v{n}" in faults else ""
        rows.append({"videoID": f"v{n}", "videoLoc": f"fake://{n}?frames=6{fault}"})
    return table(folder, rows)


def complete_passes(workspace: Workspace, source: str, spec: RefineSpec) -> list[dict[str, Any]]:
    """The rows of a refinement that is not measured."""
    asked = build_refinement(workspace, source, spec)
    complete_refinement(workspace, asked, plan_passes(workspace, asked))
    return list(read_refined(workspace.store, asked.fingerprint))


def strip_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of passes without what a clock says; digests of both files are in them."""
    return [row | {"seconds": None} for row in rows]

"""The refine flow: refines videos by repeated passes, and measures every pass."""

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from data.runs.refinements import read_refined
from data.settings import Settings
from data.specs.refine import PassMeasure, RefineSpec
from data.workspace import open_workspace
from tasks.evaluate.targets import Layout
from tasks.outputs import resolve_output
from tasks.refine.measure import check_measure, measure_passes
from tasks.refine.request import build_refinement
from tasks.refine.run import complete_refinement, plan_passes
from tasks.refine.table import list_rows
from tasks.service.turns import wait_turn
from tasks.shard import AT_ONCE
from tasks.ui.artifacts import publish_failed_rows, publish_summary, publish_table
from tasks.ui.assets import folder_key, publish_asset
from tasks.ui.final_state import finish_run
from tasks.ui.hooks import HOOKS
from tasks.ui.live import show_progress
from tasks.ui.page_links import link_run
from tasks.ui.run_names import name_run


@flow(
    name="refine",
    **HOOKS,
    flow_run_name=name_run("refine-{source}"),
    task_runner=ThreadPoolTaskRunner(max_workers=AT_ONCE),  # type: ignore[arg-type]
)
def refine(
    source: str,
    spec: RefineSpec | None = None,
    real: str | None = None,
    measure: PassMeasure | None = None,
    layout: Layout = "folder",
    prompts: str | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Refines videos by repeated passes, and measures every pass; finished passes are kept.

    Args:
        source: Generation run, or a folder, glob, table or corpus of videos.
        spec: Refiner, number of passes, corruption; identity if left out.
        real: Real videos to measure distances to: the same kinds of source.
        measure: Metrics and features to measure by; those that need no weights if left out.
        layout: folder, or miniature: a folder per clip with a video of each method.
        prompts: Table of prompts, by video, where the source is not a run.
        limit: Refine only the first videos, by id; all if left out.
    """
    workspace = open_workspace(Settings())
    asked = build_refinement(workspace, source, spec or RefineSpec(), layout, prompts, limit)
    measure = measure or PassMeasure()
    check_measure(workspace, source, measure, real)  # first: not after hours of passes
    # By refinement, not by source: others may refine the same videos side by side.
    with (
        workspace.lock_store_folder(asked.folder, f"refines {asked.fingerprint}", wait_turn),
        show_progress("refine", asked.fingerprint),
    ):
        shards = plan_passes(workspace, asked)
        summary = complete_refinement(workspace, asked, shards)
        measured = measure_passes(workspace, asked, measure, real)
    rows = list_rows(measured.figures)
    files = {key: resolve_output(summary[key]) for key in ("media", "table")}
    link = link_run(workspace, asked.folder)
    publish_summary("refine", asked.fingerprint, summary | files | link)
    publish_table("refine", asked.fingerprint, rows)
    refined = read_refined(workspace.store, asked.fingerprint)
    publish_failed_rows("refine", asked.fingerprint, refined, "id")
    if shards:
        said = {"fingerprint": asked.fingerprint, "passes": summary["done"]}
        publish_asset(folder_key(asked.folder), f"refined {source}", [], **said)
    result = summary | {
        "evaluation": measured.evaluation, "figures": rows, "notes": list(measured.notes)
    }  # fmt: skip
    return finish_run(result, {"refine": summary}, workspace.settings.failed_share)

"""The report flow: writes a page that plays the generated videos."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.workspace import open_workspace
from tasks.outputs import open_output, to_final_paths
from tasks.report.run import LATEST, find_folder, page_path, write_report_task
from tasks.ui.artifacts import publish_summary
from tasks.ui.hooks import HOOKS
from tasks.ui.page_links import link_run
from tasks.ui.run_names import name_run


@flow(name="report", flow_run_name=name_run("report-{run}"), **HOOKS)
def report(run: str = LATEST, out: str | None = None) -> dict[str, Any]:
    """Writes a static page that plays the videos of a generation, experiment or evaluation.

    Args:
        run: Fingerprint of the run, its first digits, or latest.
        out: HTML file or URL to write; report.html in the run's folder if left out.
    """
    workspace = open_workspace(Settings())
    folder = find_folder(workspace, run)  # before the output: a wrong name writes nothing
    with open_output(out or str(page_path(workspace, folder))) as page:
        summary = write_report_task(workspace, folder, page)
    summary = to_final_paths(summary, out) if out else summary
    publish_summary("report", folder.rpartition("/")[2], summary | link_run(workspace, folder))
    return summary

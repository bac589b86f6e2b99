"""The report flow: what was generated becomes a page that plays."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.workspace import open_workspace
from tasks.outputs import output, placed
from tasks.report.run import LATEST, find, page_path, write_report
from tasks.ui.artifacts import publish


@flow(name="report", flow_run_name="report-{run}")
def report(run: str = LATEST, out: str | None = None) -> dict[str, Any]:
    """Writes a static page of a run, an experiment or an evaluation, with all that plays in it.

    Args:
        run: its fingerprint, the first digits of one, or latest
        out: the HTML file to write; by default report.html in the run's folder; also a URL
    """
    workspace = open_workspace(Settings())
    folder = find(workspace, run)
    with output(out or str(page_path(workspace, folder))) as page:
        summary = write_report(workspace, folder, page)
    summary = placed(summary, out) if out else summary
    publish("report", folder.rpartition("/")[2], summary)
    return summary

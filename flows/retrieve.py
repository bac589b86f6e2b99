"""The retrieve flow: a file of prompts becomes a table of hits."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.specs.pipeline import RetrieveSpec
from data.workspace import open_workspace
from tasks.outputs import located, output
from tasks.report.retrieval import write_retrieval_page
from tasks.retrieve.hits import retrieve_prompts
from tasks.ui.artifacts import publish
from tasks.ui.sheets import show_hits


@flow(name="retrieve", flow_run_name="retrieve-{corpus}")
def retrieve(
    corpus: str,
    prompts: str,
    out: str,
    spec: RetrieveSpec = RetrieveSpec(),
    report: str | None = None,
) -> dict[str, Any]:
    """Writes the k best videos of every prompt as Parquet.

    Args:
        corpus: a corpus that was indexed
        prompts: a text file, one prompt a line, or a table with columns txt and videoID
        out: the Parquet file to write
        spec: how many, how alike at most, and which videos to choose among
        report: the page to write, with the clips playing; none where it is left out
    """
    workspace = open_workspace(Settings())
    with output(out) as hits:
        summary = retrieve_prompts(workspace, corpus, prompts, str(hits), spec) | {"out": out}
        if report:
            with output(report) as page:
                write_retrieval_page(workspace, corpus, str(hits), spec, str(page))
            summary["report"] = report
        show_hits(workspace, corpus, str(hits))
    files = {key: located(name) for key, name in summary.items() if key in ("out", "report")}
    publish("retrieve", corpus, summary | {"short": len(summary["short"])} | files)
    return summary

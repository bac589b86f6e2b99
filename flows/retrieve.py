"""The retrieve flow: searches for every prompt of a file."""

from typing import Any

from prefect import flow

from data.settings import Settings
from data.specs.pipeline import RetrieveSpec
from data.workspace import open_workspace
from tasks.outputs import open_output, resolve_output
from tasks.report.retrieval import write_retrieval_page
from tasks.retrieve.hits import retrieve_prompts
from tasks.ui.artifacts import publish_summary
from tasks.ui.hooks import HOOKS
from tasks.ui.run_names import name_run
from tasks.ui.sheets import show_hits


@flow(name="retrieve", flow_run_name=name_run("retrieve-{corpus}"), **HOOKS)
def retrieve(
    corpus: str,
    prompts: str,
    out: str,
    spec: RetrieveSpec | None = None,
    report: str | None = None,
    texts: list[str] | None = None,
) -> dict[str, Any]:
    """Writes the k best videos of every prompt as Parquet.

    Args:
        corpus: Name of an indexed corpus.
        prompts: A text file, one prompt a line, or a table with columns txt and videoID.
        out: Parquet file to write.
        spec: How many videos, how similar, and which ones; the usual if left out.
        report: HTML page with the clips to write as well; none if left out.
        texts: Search what was said or shown, by the kinds of texts of annotate, such as speech;
            what videos look like if left out.
    """
    spec = spec or RetrieveSpec()
    workspace = open_workspace(Settings())
    with open_output(out) as hits:
        summary = retrieve_prompts(workspace, corpus, prompts, str(hits), spec, texts)
        summary |= {"out": out}
        if report:
            with open_output(report) as page:
                write_retrieval_page(workspace, corpus, str(hits), spec, str(page))
            summary["report"] = report
        # Inside the block: for a URL the local file is gone after it.
        show_hits(workspace, corpus, str(hits))
    files = {key: resolve_output(name) for key, name in summary.items() if key in ("out", "report")}
    publish_summary("retrieve", corpus, summary | {"short": len(summary["short"])} | files)
    return summary

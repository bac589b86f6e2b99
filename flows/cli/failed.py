"""Names of what failed at the end of a command: the first few, and the command that lists all."""

from collections.abc import Callable, Iterable
from typing import Any

from flows.cli.console import escape, out, run_flow
from flows.cli.options import name_command, open_store

SHOWN = 3


def print_failed(rows: Iterable[dict[str, Any]], id: str, see: str) -> None:
    """Prints the first rows that have a `reason`, by their column `id`, on standard error."""
    failed = [row for row in rows if row["reason"]]
    for row in failed[:SHOWN]:
        text = f"failed: {row[id]}: {row['reason']}: {row.get('detail') or ''}".rstrip(": ")
        out(err=True).print(escape(" ".join(text.split())))
    if failed:
        out(err=True).print(escape(f"all {len(failed):,}: {see}"))


def print_corpus_failures(corpus: str, summary: Any) -> None:
    """Prints the first failures of a corpus, if a run's summary counts any."""
    from data.catalog.coverage import list_failures

    if not _has_failures(summary):
        return
    workspace = open_store()
    with workspace.open_catalog() as catalog:
        rows = list_failures(catalog, workspace.store, corpus)
    print_failed(rows, "id", name_command("failures", corpus))


def print_failed_requests(summary: dict[str, Any]) -> None:
    """Prints the first requests of a run of generation that have no video."""
    from data.runs.generations import read_generations, read_run

    if summary["failed"]:
        store = open_store().store
        rows = read_generations(store, read_run(store, summary["run"]))
        print_failed(rows, "request_id", f"the rows with a reason of {summary['table']}")


def print_failed_videos(summary: dict[str, Any]) -> None:
    """Prints the first videos of an evaluation that could not be read."""
    from data.runs.evaluations import read_videos

    if any(method["failed"] for method in summary["methods"]):
        rows = read_videos(open_store().store, summary["evaluation"])
        print_failed(rows, "id", "the same command with --per-video FILE.parquet")


def run_corpus_flow(corpus: str, flow: Callable[..., Any], *args: Any) -> None:
    """Runs a flow and prints its result, then failures of the corpus if the run had any."""
    results: list[Any] = []

    def run(*given: Any) -> Any:
        results.append(flow(*given))
        return results[0]

    run_flow(run, *args)
    print_corpus_failures(corpus, results[0])


def _has_failures(summary: Any) -> bool:
    """Whether a stage's summary, or one of a stage in it, counts failures."""
    if not isinstance(summary, dict):
        return False
    return bool(summary.get("failed")) or any(_has_failures(each) for each in summary.values())

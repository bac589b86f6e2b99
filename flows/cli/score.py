"""Accuracies of answers, in the panel "Within videos"."""

from pathlib import Path
from typing import Annotated, Literal

from flows.cli.app import open_panel
from flows.cli.console import print_result
from flows.cli.options import AsJson, Root, arg, open_store, opt
from flows.cli.score_tables import print_scores

command = open_panel("Within videos")


@command()
def score(
    run: Annotated[str, arg("RUN", "Run of answers, by its fingerprint.")],
    parser: Annotated[
        Literal["strict", "official"],
        opt("--parser", "official: as the benchmark's own script reads replies, with its faults."),
    ] = "strict",
    file: Annotated[
        Path | None, opt("--out", "File to write, as the benchmark's own script writes it.")
    ] = None,
    as_json: AsJson = False, root: Root = None,
) -> None:  # fmt: skip
    """Compute accuracies by duration, domain and task type, with intervals.

    Strictly, a reply that names no option is wrong; officially, Video-MME takes it out.
    """
    from tasks.answer.scoring import judge_run, summarize_scores, write_published

    judged = judge_run(open_store().store, run, parser)
    result = summarize_scores(judged, parser)
    if file is not None:
        write_published(judged, file)
        result["file"] = file
    print_result(result, as_json, print_scores)

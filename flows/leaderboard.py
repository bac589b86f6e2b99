"""The leaderboard flow: ranks evaluations beside published results."""

from typing import Any, Literal

from prefect import flow

from data.errors import UserError
from data.runs.published import QUESTION_COUNTS
from data.settings import Settings
from data.workspace import open_workspace
from tasks.outputs import open_output, resolve_output
from tasks.report.answers_board import read_answers_board
from tasks.report.leaderboard import read_board, write_leaderboard_task, write_tables
from tasks.report.leaderboard_text import to_data, to_rows
from tasks.ui.artifacts import publish_summary, publish_table
from tasks.ui.hooks import HOOKS
from tasks.ui.page_links import link_run

Mode = Literal["subject", "face", "video-mme", "mlvu", "longvideobench"]


@flow(name="leaderboard", flow_run_name="leaderboard", **HOOKS)
def leaderboard(
    evaluations: list[str] | None = None,
    mode: Mode | None = None,
    sort: str | None = None,
    group: bool = False,
    out: str | None = None,
    clips: str | None = None,
) -> dict[str, Any]:
    """Ranks methods by their means; different switches are never ranked in one table.

    Args:
        evaluations: Fingerprints, or their first digits; all of the store if left out.
        mode: subject or face, both if left out; or a benchmark of answers, whose runs are ranked.
        sort: Metric to rank by.
        group: One table per setting of the switches, where they differ.
        out: File to write: .md, .json, or .html for a page that plays the videos.
        clips: The benchmark's data folder, whose real videos the page shows.
    """
    workspace = open_workspace(Settings())
    if mode in QUESTION_COUNTS:
        if (out or "").endswith(".html"):
            raise UserError(
                "answers are ranked as .md or .json: the page that plays their evidence is that of"
                " `reelflow experiment texts`"
            )
        made = read_answers_board(workspace.store, mode, evaluations or (), sort)
    else:
        made = read_board(workspace, evaluations or (), mode, sort, group)
    said = to_data(made)
    if out is not None:
        with open_output(out) as path:
            if path.suffix == ".html":
                write_leaderboard_task(workspace, made, path, clips)
            else:
                write_tables(said, path)
        files = {"page": resolve_output(out)} | link_run(workspace, "leaderboard/all")
        publish_summary("leaderboard-page", mode or "all", files)
    # Also without `out`: the run's page should show the tables by itself.
    publish_table("leaderboard", mode or "all", to_rows(said))
    return said

"""The leaderboard flow: evaluations ranked beside what was published."""

import json
from typing import Any, Literal

from prefect import flow

from data.settings import Settings
from data.workspace import open_workspace
from engines.report.html import write
from engines.report.leaderboard.board import board
from engines.report.leaderboard.text import artifact, as_data, markdown
from tasks.outputs import located, output
from tasks.report.leaderboard import write_leaderboard_task
from tasks.ui.artifacts import publish, publish_table

Mode = Literal["subject", "face"]


@flow(name="leaderboard", flow_run_name="leaderboard")
def leaderboard(
    evaluations: list[str] | None = None,
    mode: Mode | None = None,
    sort: str | None = None,
    group: bool = False,
    out: str | None = None,
    clips: str | None = None,
) -> dict[str, Any]:
    """Ranks methods by their means; those of different switches only in tables of their own.

    Args:
        evaluations: fingerprints, or their first digits; by default all of the store
        mode: subject or face; by default both, and what has no mode
        sort: the metric, or its heading, to rank by
        group: show evaluations with different switches as separate tables, instead of refusing
        out: a file to write: .md, .json, or .html, the page that plays the videos
        clips: the benchmark's data folder, whose real videos the page shows
    """
    workspace = open_workspace(Settings())
    made = board(workspace, evaluations or (), mode, sort, group)
    said = as_data(made)
    if out is not None:
        with output(out) as path:
            if path.suffix == ".html":
                write_leaderboard_task(workspace, made, path, clips)
            else:
                text = json.dumps(said, indent=2) if path.suffix == ".json" else markdown(said)
                write(path, text)
        publish("leaderboard-page", mode or "all", {"page": located(out)})
    publish_table("leaderboard", mode or "all", artifact(said))
    return said

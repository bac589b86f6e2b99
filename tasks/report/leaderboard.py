"""Gathers evaluations for the leaderboard, and writes it as a page, as Markdown or as JSON."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError
from data.runs.conditioning import find_conditioning_leaks
from data.runs.evaluations import (
    Summary,
    list_ended_evaluations,
    read_scores,
    read_summary,
    read_videos,
)
from data.runs.generations import read_run
from data.store import layout
from data.store.storage import Store
from data.workspace import Workspace
from engines.report.html import render_template, write_html
from engines.report.leaderboard.board import Board, build_board
from engines.report.leaderboard.clips import ClipGallery
from engines.report.leaderboard.notes import Measured
from engines.report.leaderboard.page import (
    LeaderboardPage,
    build_leaderboard_page,
    own_columns,
    own_methods,
)
from engines.report.leaderboard.text import Data, to_markdown
from tasks.report.changed import find_changed, is_recorded_run, leave_out


def read_board(
    workspace: Workspace, names: Sequence[str] = (), mode: str | None = None,
    sort: str | None = None, group: bool = False,
) -> Board:  # fmt: skip
    """Reads the named evaluations, or all of the store, and builds their tables.

    `names` are fingerprints or their first digits; without any, evaluations of videos that have
    changed are left out once these are measured again. `mode` keeps one mode only. Raises a
    UserError if a name fits none or several, if evaluations do not compare and `group` does not
    allow separate tables, or if there is no column `sort`.
    """
    store = workspace.store
    summaries = [s for s in _read_summaries(store, names) if mode in (None, s.mode)]
    changed = {s.evaluation: find_changed(store, s) for s in summaries}
    if not names:
        summaries = list(_drop_superseded(summaries, changed))
    current = [_keep_current(store, s, changed[s.evaluation]) for s in summaries]
    conditions = _read_conditions(store)
    measured = {
        s.evaluation: replace(
            _read_measured(store, s.evaluation, changed[s.evaluation]),
            condition=conditions.get(s.source),
        )
        for s in summaries
    }
    return build_board(current, measured, mode, sort, group)


@task(name="leaderboard-page", cache_policy=NO_CACHE, persist_result=False)
def write_leaderboard_task(
    workspace: Workspace, board: Board, page: Path, data: str | None = None
) -> dict[str, Any]:
    """Runs `write_leaderboard` as a Prefect task."""
    return write_leaderboard(workspace, board, page, data)


def write_leaderboard(
    workspace: Workspace, board: Board, page: Path, data: str | None = None
) -> dict[str, Any]:
    """Writes the page of a board and returns its path and how many clips and videos it shows.

    `data` is the benchmark's data folder, whose real videos are shown beside each method's.
    """
    if data is not None and not Path(data).is_dir():
        raise UserError(f"no folder {data}: give the benchmark's data folder, one folder per clip")
    # An absolute folder, since links to its videos are made relative to the page.
    shown = read_leaderboard_page(workspace, board, page, data and str(Path(data).absolute()))
    write_html(page, render_template("leaderboard.html", shown))
    videos = sum(len(clip.trials) for clip in shown.clips)
    return {"clips": len(shown.clips), "videos": videos, "page": page}


def write_tables(tables: Data, path: Path) -> None:
    """Writes the tables of a board as JSON, where the file's name says so, else as Markdown."""
    text = json.dumps(tables, indent=2) if path.suffix == ".json" else to_markdown(tables)
    write_html(path, text)


def read_leaderboard_page(
    workspace: Workspace, board: Board, page: Path, data: str | None = None
) -> LeaderboardPage:
    """Reads the videos and scores of a board's evaluations and builds its page.

    `page` is the path that the page will have: links to videos are relative to it.
    """
    gallery = ClipGallery(workspace.store, page, own_columns(board), data)
    for summary in board.summaries:
        gallery.add_evaluation(
            summary,
            read_videos(workspace.store, summary.evaluation),
            read_scores(workspace.store, summary.evaluation),
            _find_leaked(workspace.store, summary),
            board.measured[summary.evaluation].changed,
        )
    return build_leaderboard_page(board, gallery.sort_clips(own_methods(board)))


def _read_summaries(store: Store, names: Sequence[str]) -> Iterator[Summary]:
    """Yields the named evaluations in that order, or all that have ended, the newest first."""
    ids = list_ended_evaluations(store)
    for name in dict.fromkeys(names):
        matches = [id for id in ids if id.startswith(name)]
        # A whole name is never ambiguous, even if a longer one begins with it.
        if len(matches) > 1 and name not in matches:
            raise UserError(f"{name!r} matches {len(matches)} evaluations: give more digits")
        yield read_summary(store, name if len(matches) != 1 else matches[0])
    if not names:
        every = (read_summary(store, id) for id in ids)
        yield from sorted(every, key=lambda summary: summary.made, reverse=True)


def _keep_current(store: Store, summary: Summary, changed: Mapping[str, Any]) -> Summary:
    """Returns a summary without the scores of changed videos.

    Intervals of 0.1.0, which were over videos, are computed again as well.
    """
    means = [mean for method in summary.methods for mean in method.means]
    if not changed and all(mean.clips is not None for mean in means):
        return summary
    return leave_out(summary, read_scores(store, summary.evaluation), changed)


def _drop_superseded(
    summaries: Sequence[Summary], changed: Mapping[str, Collection[str]]
) -> Iterator[Summary]:
    """Yields evaluations, without those of changed videos that another has measured again."""
    fresh = [_describe_request(each) for each in summaries if not changed[each.evaluation]]
    for summary in summaries:
        if not changed[summary.evaluation] or _describe_request(summary) not in fresh:
            yield summary


def _describe_request(summary: Summary) -> tuple[Any, ...]:
    """Returns what was measured, and how, whatever the videos held at that time."""
    methods = [method.method for method in summary.methods]
    return summary.source, summary.benchmark, summary.mode, summary.spec, methods


def _read_measured(store: Store, evaluation: str, changed: Mapping[str, Any]) -> Measured:
    clips: dict[tuple[str, str], set[str]] = {}
    for row in read_scores(store, evaluation):
        # Rows with a subject are parts of a video's value, not values of their own.
        if row["subject"] is None and row["value"] is not None and row["id"] not in changed:
            clips.setdefault((row["method"], row["metric"]), set()).add(row["clip"])
    sets = {key: frozenset(each) for key, each in clips.items()}
    return Measured(sets, {id: row["method"] for id, row in changed.items()})


def _read_conditions(store: Store) -> dict[str, str]:
    """Returns the conditions of each run that experiments compare, by the run's fingerprint."""
    conditions: dict[str, list[str]] = {}
    for folder in store.list_names(layout.EXPERIMENTS):
        if store.exists(name := layout.spec_file(folder)):
            for each, run in json.loads(store.read(name))["runs"].items():
                conditions.setdefault(run, []).append(each)
    return {run: ", ".join(dict.fromkeys(each)) for run, each in conditions.items()}


def _find_leaked(store: Store, summary: Summary) -> dict[str, list[str]]:
    """Returns, by video, the leaked videos that conditioned it."""
    run = summary.source
    if not summary.leaks or not is_recorded_run(store, run):
        return {}
    return find_conditioning_leaks(store, read_run(store, run), summary.leaks)

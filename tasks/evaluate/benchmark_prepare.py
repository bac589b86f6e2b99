"""Prepares a benchmark's clips from its annotations and videos, and writes its lists."""

import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.outcome import Done, Outcome
from data.runs.benchmark import write_clips
from data.store.storage import Store
from data.workspace import Workspace
from engines.evaluate.benchmarks.msrvtt_personalization import annotations, lists
from engines.evaluate.benchmarks.msrvtt_personalization.prepare import (
    BenchmarkClip,
    PreparePaths,
    Preparer,
    PrepareResult,
)
from tasks.outputs import require_local
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import run_items
from tasks.success import require_success
from tasks.workers import build_embed_setup, count_workers

BATCH = 16  # clips that a worker gets at once


def prepare_benchmark(
    workspace: Workspace, annotated: str, videos: str, out: str,
    inpaint: str | None = None, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Prepares a folder for each annotated clip in `out`; folders that are there stay as they are.

    A UserError where not one clip could be prepared.
    """
    names = annotations.list_clips(Path(annotated))
    if not names or not Path(videos).is_dir():
        raise UserError(
            f"no *{annotations.INFO} in {annotated}, or no folder {videos}: give the benchmark's"
            " unpacked annotations, and the folder of the MSR-VTT videos"
        )
    target = require_local(out)
    # Beside the folder, since a draft is renamed into it: within one file system.
    drafts = target.with_name(f".{target.name}.drafts")
    paths = PreparePaths(
        *(str(Path(each).absolute()) for each in (annotated, videos, drafts, target))
    )
    make = partial(Preparer, paths, build_embed_setup(workspace.settings), inpaint, seed)
    progress = Progress("prepare", len(names))
    with workspace.lock_local_folder(str(target), wait_turn):
        target.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(drafts, ignore_errors=True)  # left by a killed run
        with open_runner(workspace.settings, count_workers(workspace.settings)) as runner:
            clips = [BenchmarkClip(clip) for clip in names]
            outcomes = [outcome for _, outcome in run_items(runner, make, clips, BATCH, progress)]
        shutil.rmtree(drafts, ignore_errors=True)
        return _write_summary(target, outcomes)


def write_lists(data: str, out: str, modes: tuple[lists.Mode, ...]) -> dict[str, Any]:
    """Writes the lists of a data folder into the folder `out`; how many clips each mode has."""
    built, store = lists.build_lists(data, modes), Store(str(require_local(out)))
    for name, text in built.files.items():
        store.write(name, text.encode())
    return {
        "clips": built.clips,
        "files": [store.path(name) for name in built.files],
        "left_out": built.left_out,
    }


def require_any_clip(rows: list[dict[str, Any]], table: str) -> None:
    """Raises a UserError where there are clips and all of them failed."""
    failed = [row for row in rows if row["reason"]]
    if failed:
        reasons = Counter(row["reason"] for row in failed)
        done = len(rows) - len(failed)
        require_success("clip", done, reasons, failed[0]["detail"], f"see {table}")


def _write_summary(target: Path, outcomes: list[Outcome[PrepareResult]]) -> dict[str, Any]:
    store, table = Store(str(target.parent)), f"{target.name}-rows.parquet"
    rows = write_clips(store, table, outcomes)
    require_any_clip(rows, store.path(table))
    done = [outcome.value for outcome in outcomes if isinstance(outcome, Done)]
    return {
        "folder": str(target),
        "clips": len(outcomes),
        "made": sum(each.new for each in done),
        "there": sum(not each.new for each in done),
        "without_background": sum(not each.background for each in done),
        "failed": dict(Counter(row["reason"] for row in rows if row["reason"])),
        "table": store.path(table),
    }

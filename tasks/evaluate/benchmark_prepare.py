"""Preparing a benchmark's clips: every annotated one, over a runner, and what came of each."""

import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.outcome import Done, Outcome
from data.runs.benchmark import write_clips
from data.settings import Settings
from data.store.storage import Store
from data.workspace import Workspace
from engines.evaluate.benchmarks.msrvtt_personalization import annotations, lists
from engines.evaluate.benchmarks.msrvtt_personalization.prepare import (
    Places,
    Prepared,
    Preparer,
    PrepareWork,
    Wanted,
)
from tasks.outputs import here
from tasks.progress import Progress, say
from tasks.workers import embed_work, embed_workers, open_runner

BATCH = 16  # clips that a worker is handed at once


def prepare(
    workspace: Workspace, annotated: str, videos: str, out: str,
    inpaint: str | None = None, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Makes the folder of every annotated clip in `out`; what is there stays as it is.

    A UserError where not one clip could be made.
    """
    named = annotations.clips(Path(annotated))
    if not named or not Path(videos).is_dir():
        raise UserError(
            f"no *{annotations.INFO} in {annotated}, or no folder {videos}: give the unpacked"
            " annotations of the benchmark, and the folder of MSR-VTT's videos"
        )
    made = here(out)
    drafts = made.with_name(f".{made.name}.drafts")
    places = Places(*(str(Path(each).absolute()) for each in (annotated, videos, drafts, made)))
    make = partial(Preparer, places, _work(workspace.settings), inpaint, seed)
    progress, found = Progress("prepare", len(named)), list[Outcome[Prepared]]()
    with workspace.only_folder(str(made), say):
        made.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(drafts, ignore_errors=True)  # what a killed run had begun
        with open_runner(workspace.settings, embed_workers(workspace.settings)) as runner:
            for outcome in runner.map(make, [Wanted(clip) for clip in named], BATCH):
                found.append(outcome)
                progress.add(**{"done" if isinstance(outcome, Done) else "failed": 1})
        shutil.rmtree(drafts, ignore_errors=True)
        return _summary(made, found)


def write_lists(data: str, out: str, modes: tuple[lists.Mode, ...]) -> dict[str, Any]:
    """Writes the lists of a data folder into another; how many clips each mode has."""
    made, store = lists.lists(data, modes), Store(str(here(out)))
    for name, text in made.files.items():
        store.write(name, text.encode())
    return {
        "clips": made.clips,
        "files": [store.path(name) for name in made.files],
        "left_out": made.left_out,
    }


def refuse_nothing(rows: list[dict[str, Any]], table: str) -> None:
    """A UserError where there are clips and not one went through."""
    if rows and all(row["reason"] for row in rows):
        reasons = Counter(row["reason"] for row in rows)
        said = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        raise UserError(f"no clip went through ({said}): {rows[0]['detail']}; see {table}")


def _work(settings: Settings) -> PrepareWork:
    work = embed_work(settings)
    return PrepareWork(work.decoders, work.decode_deadline_s, work.decoder_memory_gb, work.needs)


def _summary(made: Path, found: list[Outcome[Prepared]]) -> dict[str, Any]:
    store, table = Store(str(made.parent)), f"{made.name}-rows.parquet"
    rows = write_clips(store, table, found)
    refuse_nothing(rows, store.path(table))
    done = [outcome.value for outcome in found if isinstance(outcome, Done)]
    return {
        "folder": str(made),
        "clips": len(found),
        "made": sum(each.new for each in done),
        "there": sum(not each.new for each in done),
        "without_background": sum(not each.background for each in done),
        "failed": dict(Counter(row["reason"] for row in rows if row["reason"])),
        "table": store.path(table),
    }

"""Cuts the moments of a table of hits into files."""

from collections import Counter
from functools import partial
from typing import Any

import pyarrow.parquet as pq

from data.errors import UserError
from data.outcome import Failed
from data.records import Hit
from data.store import tables
from data.workspace import Workspace
from engines.retrieve.cutter import MomentCutter, list_moments
from tasks.outputs import require_local
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.service.turns import wait_turn
from tasks.shard import run_items
from tasks.success import require_success
from tasks.workers import build_probe_setup, count_workers

BATCH = 16  # moments that a worker gets at once


def cut_hits(workspace: Workspace, hits: str, folder: str, exact: bool) -> dict[str, Any]:
    """Writes a file for each moment into the folder, except for those that are there.

    A UserError for a table without moments, and where not one could be cut.
    """
    moments = list_moments(_read_hits(hits))
    if not moments:
        raise UserError(f"{hits} has no moments: write it with `reelflow retrieve … --moments`")
    target = require_local(folder)
    make = partial(MomentCutter, str(target), exact, build_probe_setup(workspace.settings))
    progress = Progress("cut", len(moments))
    with workspace.lock_local_folder(str(target), wait_turn):
        target.mkdir(parents=True, exist_ok=True)
        with open_runner(workspace.settings, count_workers(workspace.settings)) as runner:
            outcomes = [each for _, each in run_items(runner, make, moments, BATCH, progress)]
    failed = [each for each in outcomes if isinstance(each, Failed)]
    reasons: Counter[str] = Counter(each.reason for each in failed)
    if failed:
        done = len(outcomes) - len(failed)
        require_success("moment", done, reasons, f"{failed[0].id}: {failed[0].detail}", folder)
    return {
        "folder": str(target), "moments": len(moments),
        "cut": sum(not isinstance(each, Failed) and each.value for each in outcomes),
        "failed": dict(reasons),
        "failures": {each.id: f"{each.reason}: {each.detail}" for each in failed},
    }  # fmt: skip


def _read_hits(path: str) -> list[Hit]:
    """The rows of a table of hits; a UserError for a file that is none."""
    try:
        rows = pq.read_table(path).to_pylist()
        return [Hit(**{name: row.get(name) for name in tables.HITS.names}) for row in rows]
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} is no table of hits, as `reelflow retrieve --out` writes"
        ) from error

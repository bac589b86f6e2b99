"""Compares what is listed on the workers, shard by shard."""

from collections import Counter
from functools import partial

from data.catalog import merge
from data.catalog.database import load_sql
from data.shards.receipts import Receipt
from data.shards.stages import Stage, register_stage
from data.specs.dedup import DedupSpec
from data.workspace import Workspace
from engines.dedup.engine import VERSION
from tasks.dedup.run import CopiesRow, DedupRun, without_gpus
from tasks.plan import stage_values
from tasks.progress import Progress
from tasks.service.runner import open_runner
from tasks.shard import run_shards
from tasks.success import require_success
from tasks.workers import count_workers


def register_dedup(workspace: Workspace, corpus: str, spec: DedupSpec, index: Stage) -> Stage:
    """Registers a dedup stage over an index.

    It is a shadow until its groups are there: conditions go by the former ones meanwhile.
    """
    return register_stage(
        workspace.store, corpus, "dedup", spec, VERSION, index.fingerprint, shadow=True
    )


def compare_contents(
    workspace: Workspace, stage: Stage, embed: Stage, spec: DedupSpec, shards: list[str]
) -> Progress:
    """Finds the pairs of the contents that the shards list; their counts.

    A UserError where none of the corpus ever could be compared: their frame vectors are not there,
    as in a corpus of imported vectors.
    """
    if not shards:
        return Progress("dedup", 0)
    failed: Counter[str] = Counter()

    def add(receipt: Receipt[CopiesRow]) -> None:
        failed.update(str(row["reason"]) for row in receipt.failed)

    workers = count_workers(without_gpus(workspace.settings))
    with open_runner(without_gpus(workspace.settings), workers) as runner:
        run = DedupRun(workspace, stage, embed, spec, runner)
        run.progress = Progress("dedup", run.count_items(shards))
        run_shards(run, shards, add, partial(_merge_stage, workspace, stage))
    with workspace.open_catalog() as catalog:
        ever = catalog.execute(load_sql("any_video_done"), **stage_values(stage))
    if not ever:
        require_success("video", 0, failed, see="they are compared by the frames that embed stores")
    return run.progress


def _merge_stage(workspace: Workspace, stage: Stage) -> None:
    with workspace.open_catalog() as catalog:
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)

"""Compares what is new in an index with all of it, shard by shard."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data.catalog import merge
from data.shards.stages import Stage, register_stage
from data.specs.dedup import DedupSpec
from data.store.temporary import TemporaryFolder
from data.workspace import Workspace
from engines.dedup.engine import VERSION
from engines.index.index import Index, open_index
from engines.runners.in_process import InProcessRunner
from tasks.dedup.run import DedupRun, locate_frames
from tasks.index.versions import fetch_version
from tasks.progress import Progress
from tasks.shard import run_shards


@dataclass(frozen=True, slots=True)
class FetchedIndex:
    """A version of an index in a `folder` of this machine, beside a `scratch` folder."""

    stage: Stage
    version: str
    folder: Path
    scratch: Path

    def open(self) -> Index:
        """The index, memory-mapped."""
        return open_index(self.folder)


@contextmanager
def fetch_index(workspace: Workspace, stage: Stage, version: str) -> Iterator[FetchedIndex]:
    """A published version of an index, for the block; of a remote store it is copied."""
    with TemporaryFolder() as name:
        folder = fetch_version(workspace, stage, version, Path(name) / "index")
        yield FetchedIndex(stage, version, folder, Path(name))


def register_dedup(workspace: Workspace, corpus: str, spec: DedupSpec, index: Stage) -> Stage:
    """Registers a dedup stage over an index.

    It is a shadow until its groups are there: conditions go by the former ones meanwhile.
    """
    return register_stage(
        workspace.store, corpus, "dedup", spec, VERSION, index.fingerprint, shadow=True
    )


def compare_contents(
    workspace: Workspace, stage: Stage, spec: DedupSpec, index: FetchedIndex, shards: list[str]
) -> Progress:
    """Finds the pairs of the contents that the shards list; their counts."""
    if not shards:
        return Progress("dedup", 0)
    locations = index.scratch / "locations.arrow"
    locate_frames(workspace, stage.corpus, index.folder, locations)
    runner = InProcessRunner()
    run = DedupRun(workspace, stage, spec, index.folder, locations, runner)
    run.progress = Progress("dedup", run.count_items(shards))
    try:
        run_shards(run, shards, merge=partial(_merge_stage, workspace, stage))
    finally:
        runner.close()
    return run.progress


def _merge_stage(workspace: Workspace, stage: Stage) -> None:
    with workspace.open_catalog() as catalog:
        merge.sync_stage(catalog, workspace.store, stage.corpus, stage.kind, stage.fingerprint)

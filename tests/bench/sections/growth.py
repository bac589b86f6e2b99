"""A small night beside a large corpus: what each stage takes, and what it took the first time."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bench import watched
from bench.figures import Figure
from bench.job import Job
from support import large

from data.settings import Settings
from data.specs.pipeline import EmbedSpec, PoolSpec
from data.workspace import open_workspace
from tasks.stages import register_embed, register_pool

CORPUS, SIZE = "growth", 500
SPEC = {"engine": "fake", "every_nth": 1}
SHARE = 0.001  # of the videos: so many are new on the small night, and as many changed
SETTINGS = {"runner": "in_process", "decoders": 1, "pictured": 0}
STAGES: dict[str, dict[str, Any]] = {
    "ingest": {}, "plan": {"spec": SPEC}, "embed": {"spec": SPEC}, "pool": {}, "index": {},
    "search": {"video": large.id_of(1)}, "status": {}, "maintain": {"sample": 20, "canary": False},
}  # fmt: skip
FIRST = (
    "plan",
    "index",
    "search",
    "status",
    "maintain",
)  # run at full size; the others' work is written


def measure(job: Job) -> Iterator[Figure]:
    """Seconds of CPU, since others may work on the machine for the hour that a million takes."""
    count, folder = job.size(1_000_000, 20_000), job.scratch / "growth"
    write_corpus(folder, count)
    first = {stage: run_stage(folder, stage) for stage in FIRST}
    source = write_source(folder / "small.parquet", count)
    for stage in STAGES:
        cpu_s, memory = run_stage(folder, stage, source)
        what = f"{2 * few(count):,} beside {count:,}: {stage}"
        yield Figure("growth", what, cpu_s, "s of CPU")
        yield Figure("growth", f"{what}, memory at most", memory, "MB")
        if stage in first:
            yield Figure("growth", f"{count:,}: {stage}", first[stage][0], "s of CPU")
            yield Figure("growth", f"{count:,}: {stage}, memory at most", first[stage][1], "MB")
            yield Figure("growth", f"{stage}: ratio", cpu_s / first[stage][0], "")


def few(count: int) -> int:
    """How many of the videos are new on the small night, and how many changed."""
    return max(1, round(SHARE * count))


def write_corpus(folder: Path, count: int) -> None:
    """A corpus as ingest, embed and pool leave it; 512 numbers a vector, in a thousand clusters."""
    workspace = open_workspace(Settings(root=str(folder / "store")))
    large.ingested(workspace, CORPUS, count)
    stage = register_embed(workspace, CORPUS, EmbedSpec(**SPEC))
    large.finished(workspace, stage, count, SIZE)
    large.pooled(workspace, register_pool(workspace, CORPUS, PoolSpec(), stage), count, SIZE)


def write_source(path: Path, before: int) -> Path:
    """The corpus's rows as a table, of which some are other videos now, and some more follow."""
    changed = set(range(0, before, before // few(before)))
    return write_rows(path, before + few(before), changed)


def write_rows(path: Path, count: int, changed: Collection[int] = ()) -> Path:
    """A table of so many fakes; those that are `changed` are other videos under the same ids."""
    numbers = np.arange(count)
    columns = {
        "videoID": [large.id_of(n) for n in numbers],
        "videoLoc": [f"fake://{n}{'-changed' * (n in changed)}?frames=1" for n in numbers],
        "txt": [large.caption_of(n) for n in numbers], "number": numbers,
    }  # fmt: skip
    pq.write_table(pa.table(columns), path)
    return path


def run_stage(folder: Path, stage: str, source: Path | None = None) -> tuple[float, float]:
    """The CPU seconds and the peak memory (MB) of a stage, in a process of its own."""
    more = {"source": str(source)} if stage == "ingest" else {}
    calls = [["plain", {}], ["widen", {}], [stage, {"corpus": CORPUS, **STAGES[stage], **more}]]
    ran = watched.stages(folder, calls, **SETTINGS)
    return ran.cpu_s, ran.pss["driver"]

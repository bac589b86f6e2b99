"""A large corpus's first night and a small one after it: what each stage takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bench import watched
from bench.figures import Figure
from bench.job import Job

CORPUS, SPEC = "growth", {"engine": "fake", "every_nth": 1}
SHARE = 0.001  # of the videos: so many are new on the small night, and as many changed
SETTINGS = {"runner": "in_process", "decoders": 1, "pictured": 0}
STAGES: dict[str, dict[str, Any]] = {
    "ingest": {}, "plan": {"spec": SPEC}, "embed": {"spec": SPEC}, "pool": {}, "index": {},
    "search": {"video": "video-0000000"}, "maintain": {"sample": 20, "canary": False},
}  # fmt: skip


def measure(job: Job) -> Iterator[Figure]:
    count = job.size(1_000_000, 20_000)
    folder = job.scratch / "growth"
    first = run_night(folder, write_source(folder / "first.parquet", count, count))
    small = run_night(folder, write_source(folder / "small.parquet", count, count + few(count)))
    for stage in STAGES:
        for unit, before, after in zip(("s", "MB"), first[stage], small[stage], strict=True):
            yield Figure("growth", f"{count:,}: {stage}, first night", before, unit)
            yield Figure("growth", f"{count:,}: {stage}, small night", after, unit)


def few(count: int) -> int:
    """How many of the videos are new on the small night, and how many changed."""
    return max(1, round(SHARE * count))


def write_source(path: Path, before: int, count: int) -> Path:
    """A table of `count` fakes of one frame; where they are more than `before`, some changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    changed = set(range(0, before, before // few(before))) if count > before else set[int]()
    numbers = np.arange(count)
    columns = {
        "videoID": [f"video-{n:07d}" for n in numbers],
        "videoLoc": [f"fake://{n}{'-changed' * (n in changed)}?frames=1" for n in numbers],
        "txt": [f"a thing, take {n}" for n in numbers], "number": numbers,
    }  # fmt: skip
    pq.write_table(pa.table(columns), path)
    return path


def run_night(folder: Path, source: Path) -> dict[str, tuple[float, float]]:
    """The seconds and the peak memory (MB) of each stage, each in a process of its own."""
    figures = {}
    for stage, given in STAGES.items():
        more = {"source": str(source)} if stage == "ingest" else {}
        calls = [["plain", {}], ["widen", {}], [stage, {"corpus": CORPUS, **given, **more}]]
        ran = watched.stages(folder, calls, **SETTINGS)
        figures[stage] = ran.said["calls"][-1]["seconds"], ran.pss["driver"]
        print(stage, figures[stage], ran.said["calls"][-1]["said"], flush=True)
    return figures

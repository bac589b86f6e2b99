"""Building an index beside autofaiss alone, on the same vectors: seconds and memory."""

import sys
from collections.abc import Iterator
from pathlib import Path

from bench import build, watched
from bench.figures import Figure
from bench.job import Job
from bench.pairs import Pairs

DIM = 512


def measure(job: Job) -> Iterator[Figure]:
    """Each build in a process of its own; memory (PSS) at its peak."""
    count = job.size(100_000, 10_000)
    folder = build.write_vectors(job.scratch / "vectors", count, DIM)
    ran: dict[str, list[watched.Watched]] = {"ours": [], "bare": []}
    for _ in range(job.size(3, 1)):
        for way, runs in ran.items():
            runs.append(_build(way, folder, job.scratch / f"index-{way}"))
    what = f"{count:,} x {DIM}"
    seconds = [[run.said["seconds"] for run in ran[way]] for way in ("ours", "bare")]
    yield Figure("index", f"{what}: build", min(seconds[0]), "s")
    yield Figure("index", f"{what}: autofaiss alone", min(seconds[1]), "s")
    pairs = Pairs(tuple(seconds[0]), tuple(seconds[1]))
    yield Figure("index", f"{what}: build / autofaiss alone", pairs.ratio, "×", most=1.05)
    memory = {way: max(run.pss["driver"] for run in runs) for way, runs in ran.items()}
    for way, size in memory.items():
        yield Figure("index", f"{what}: memory, {way}", size, "MB")
    share = memory["ours"] / memory["bare"]
    yield Figure("index", f"{what}: memory / autofaiss alone", share, "×", most=1.05)


def _build(way: str, folder: Path, out: Path) -> watched.Watched:
    return watched.run([sys.executable, build.__file__, way, str(folder), str(out)], {})

"""Cost against size: each stage of corpora of 200 to 200,000 fakes, and of one video more.

An exponent is the slope of seconds of CPU against videos, both as logarithms. What a stage costs
at any size makes it too low: that of the last step, from the largest size but one, has least of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from bench import watched
from bench.figures import Figure
from bench.job import Job
from bench.sections import growth

SMALL, CORPUS = "small", growth.CORPUS
WHOLE = ("ingest", "embed", "plan", "pool", "index", "search", "status")
ADDED = ("ingest", "embed", "pool", "index")  # that one video more is brought through
FEW = 8  # videos of the small corpus, that each process imports its modules with
MOST_WHOLE, MOST_ADDED = 1.05, 0.1  # of a stage at all; of one video more, which is constant


def measure(job: Job) -> Iterator[Figure]:
    sizes = job.size((200, 2_000, 20_000, 200_000), (200, 600, 1_800))
    cpu_s: dict[str, list[float]] = defaultdict(list)
    for count in sizes:
        for name, seconds, memory in _measure_size(job.scratch / f"exponents-{count}", count):
            cpu_s[name].append(seconds)
            yield Figure("exponents", f"{count:,}: {name}", seconds, "s of CPU")
            yield Figure("exponents", f"{count:,}: {name}, memory at most", memory, "MB")
    for name, seconds in cpu_s.items():
        most = MOST_WHOLE if name in WHOLE else MOST_ADDED
        fitted, last = fit_exponent(sizes, seconds), fit_exponent(sizes[-2:], seconds[-2:])
        yield Figure("exponents", f"{name}: exponent, fitted", fitted, "", most=most)
        yield Figure("exponents", f"{name}: exponent of the last step", last, "", most=most)


def fit_exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent e of the least-squares fit of seconds = c · size^e, in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _measure_size(folder: Path, count: int) -> Iterator[tuple[str, float, float]]:
    """Name, seconds of CPU and peak memory (MB) of each stage of all, then of one video more."""
    folder.mkdir()
    for more, stages, what in ((0, WHOLE, ""), (1, ADDED, "one video more: ")):
        sources = {
            corpus: growth.write_rows(folder / f"{corpus}-{more}.parquet", size + more)
            for corpus, size in ((SMALL, FEW), (CORPUS, count))
        }
        for stage in stages:
            yield f"{what}{stage}", *_run_stage(folder, stage, sources)


def _run_stage(folder: Path, stage: str, sources: dict[str, Path]) -> tuple[float, float]:
    """In a process of its own, in which the small corpus goes first: imports are not counted."""
    calls: list[list] = [["plain", {}], ["widen", {}]]
    for corpus, source in sources.items():
        more = {"source": str(source)} if stage == "ingest" else {}
        calls.append([stage, {"corpus": corpus, **growth.STAGES[stage], **more}])
    ran = watched.stages(folder, calls, **growth.SETTINGS)
    return ran.said["calls"][-1]["cpu_s"], ran.pss["driver"]

"""What `run` and `search` find with `--engine tags`: real clips, and test pictures among them."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from bench import footage
from bench.figures import Figure
from bench.job import Job
from support.paths import REAL_CLIPS

QUERIES = Path(__file__).parents[1] / "queries.json"  # written before any of them was searched for
PLACES, SHUFFLES = (1, 3), 2000


def measure(job: Job) -> Iterator[Figure]:
    clips = sorted([*footage.REAL.glob("*.mp4"), *(REAL_CLIPS / "formats").glob("*.*")])
    if not clips:
        return
    queries = [
        (query, frozenset(names.split()))
        for names, group in json.loads(QUERIES.read_text()).items()
        for query in group
    ]
    source = footage.table(clips, job.scratch / "clips.parquet")
    ranked, rate = _search(job.scratch / "tags", source, [query for query, _ in queries])
    yield Figure("tags", "clips", len(clips), "")
    yield Figure("tags", "queries", len(queries), "")
    yield Figure("tags", "embed, once warm", rate, "frames/s")
    for place in PLACES:
        yield from _judge(place, ranked, [wanted for _, wanted in queries], len(clips))


def _search(root: Path, source: Path, queries: Sequence[str]) -> tuple[list[list[str]], float]:
    """The ids of all clips for each query, the best first, and the frames embedded a second."""
    from data.records import Prompt
    from data.settings import Settings
    from data.specs.pipeline import EmbedSpec, IndexSpec, RetrieveSpec
    from data.workspace import open_workspace
    from flows.pipeline import pipeline
    from tasks.retrieve.retriever import Retriever

    os.environ |= {"REELFLOW_ROOT": str(root), "REELFLOW_RUNNER": "in_process"}
    made = pipeline(
        "clips", str(source), embed_spec=EmbedSpec(engine="tags"), index_spec=IndexSpec(gate=0)
    )
    retriever = Retriever(open_workspace(Settings()), "clips")
    prompts = [Prompt(str(n), query) for n, query in enumerate(queries)]
    # All clips, also those that look alike: a rank is asked for.
    hits = retriever.search_prompts(prompts, RetrieveSpec(k=made["index"]["count"], dedup=2.0))
    ranked: dict[str, list[str]] = {prompt.id: [] for prompt in prompts}
    for hit in hits:
        ranked[hit.prompt_id].append(hit.video_id)
    return list(ranked.values()), made["embed"]["frames_per_second"]


def _judge(
    place: int, ranked: Sequence[list[str]], wanted: Sequence[frozenset[str]], clips: int
) -> Iterator[Figure]:
    """Recall with its interval, by chance, and of the same rankings for shuffled queries."""
    from engines.evaluate.statistics import estimate_mean

    # [i, j]: whether the clips ranked for query i are right for query j.
    right = np.array([[bool(set(each[:place]) & names) for names in wanted] for each in ranked])
    # Queries of one clip are no independent ones: the clip is the unit.
    units = [" ".join(sorted(names)) for names in wanted]
    rng, count = np.random.default_rng(0), len(wanted)
    shuffled = np.mean(
        [right[np.arange(count), rng.permutation(count)] for _ in range(SHUFFLES)], axis=0
    )
    recall = estimate_mean(right.diagonal().astype(float), units)
    gain = estimate_mean(right.diagonal() - shuffled, units, paired=True)
    misses = [_miss_by_chance(clips, len(names), place) for names in wanted]
    name = f"R@{place}"
    yield from _interval(name, recall.mean, recall.low, recall.high)
    yield Figure("tags", f"{name} by chance", 1 - float(np.mean(misses)), "")
    yield Figure("tags", f"{name} of shuffled queries", float(shuffled.mean()), "")
    yield from _interval(f"{name} above shuffled", gain.mean, gain.low, gain.high)


def _miss_by_chance(clips: int, right: int, places: int) -> float:
    """The probability that none of the right clips is among so many drawn at random."""
    return float(np.prod([(clips - right - n) / (clips - n) for n in range(places)]))


def _interval(name: str, mean: float, low: float | None, high: float | None) -> Iterator[Figure]:
    yield Figure("tags", name, mean, "")
    if low is not None and high is not None:
        yield Figure("tags", f"{name}, 95 % from", low, "")
        yield Figure("tags", f"{name}, 95 % to", high, "")

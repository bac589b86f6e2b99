"""The gate's ratios: what reelflow takes, by what the bare parts take for the same work."""

from collections.abc import Callable
from functools import partial

from bench import build, engines_beside, flows_beside
from bench.job import Job
from bench.pairs import Pairs, measure_pairs, wall_seconds
from bench.sections import search

TURNS, FEW_TURNS = 5, 3  # few of what takes seconds
BUILT, SEARCHED, DIM = 10_000, 20_000, 128


def _compare_build(job: Job) -> Pairs:
    folder = build.write_vectors(job.out / f"vectors-{BUILT}-{DIM}", BUILT, DIM)
    ours = partial(build.build_ours, folder, job.scratch / "ours")
    bare = partial(build.build_bare, folder, job.scratch / "bare", tune=False)
    return measure_pairs(ours, bare, FEW_TURNS, wall_seconds)


def _compare_search(job: Job, together: bool) -> Pairs:
    index = search.open_index(job.out, SEARCHED, DIM)
    queries = search.draw_queries(index, 500)
    return search.compare(index, queries, 2 * TURNS, together=together)


RATIOS: dict[str, Callable[[Job], Pairs]] = {
    "embedding, from files to vectors / the model alone": partial(
        engines_beside.compare_embedding, turns=TURNS
    ),
    "every 25th frame from a guarded decoder / from PyAV alone": partial(
        engines_beside.compare_decoding, every=25, turns=2 * TURNS
    ),
    "every frame from a guarded decoder / from PyAV alone": partial(
        engines_beside.compare_decoding, every=1, turns=TURNS
    ),
    "building and tuning an index / autofaiss alone, untuned": _compare_build,
    "a search without copies / faiss alone": partial(_compare_search, together=False),
    "500 searches together / faiss alone": partial(_compare_search, together=True),
    "embedding fakes in 20 shards by a flow / by the engine alone": partial(
        flows_beside.compare_orchestration, turns=FEW_TURNS
    ),
    "reelflow --help / python": partial(flows_beside.compare_help, turns=TURNS),
    "reelflow run with nothing to do / python with its imports": partial(
        flows_beside.compare_nothing_to_do, turns=TURNS
    ),
}

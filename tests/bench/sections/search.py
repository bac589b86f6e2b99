"""Searching beside faiss alone, in the same index: without copies, and below a ceiling."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from bench import build
from bench.figures import Figure
from bench.job import Job
from bench.pairs import Pairs, measure_pairs, wall_seconds
from support.clustered import clustered

from engines.index import parameters
from engines.index.index import Index
from engines.index.kinds import autofaiss
from engines.retrieve.search import OVERFETCH, search_index

DIM, K, TOGETHER = 512, 10, 1000
KEPT = 0.001  # of the rows, by a condition

Search = Callable[[np.ndarray], Any]


def measure(job: Job) -> Iterator[Figure]:
    """Queries are new vectors, and some of those that are stored; milliseconds for each."""
    count, turns = job.size(1_000_000, 100_000), job.size(5, 3)
    index = open_index(job.out, count, DIM)
    queries = draw_queries(index, TOGETHER)
    kept = np.sort(np.random.default_rng(0).permutation(count)[: round(KEPT * count)])
    what = f"{count:,} x {DIM}, {index.key}"
    for name, size, pairs, most in (
        ("one by one", 100, compare(index, queries[:100], turns), 1.1),
        (f"{TOGETHER:,} together", TOGETHER, compare(index, queries, turns, together=True), 1.1),
        (f"one by one beside the {OVERFETCH * K} best", 100,
         compare(index, queries[:100], turns, fetch=OVERFETCH * K), None),
        (f"one by one, {KEPT:.1%} kept", 100,
         compare(index, queries[:100], turns, allowed=kept), 1.1),
    ):  # fmt: skip
        for way, spent in (("", pairs.ours), (", faiss alone", pairs.bare)):
            yield Figure("search", f"{what}: {name}{way}", 1000 * min(spent) / size, "ms")
        yield Figure("search", f"{what}: {name} / faiss alone", pairs.ratio, "×", most=most)


def open_index(folder: Path, count: int, dim: int) -> Index:
    """An index of so many vectors in memory; it is built once, since that may take an hour."""
    import faiss

    built = folder / f"index-{count}-{dim}"
    if not built.exists():
        build.build_ours(build.write_vectors(folder / f"vectors-{count}-{dim}", count, dim), built)
    index = autofaiss.open_index(built)
    index.faiss = faiss.read_index(str(built / "knn.index"))
    return index


def draw_queries(index: Index, count: int) -> np.ndarray:
    """Unit queries (count, d), half of them stored vectors."""
    stored = index.vectors(index.sample(count // 2, seed=3))
    new = clustered(count - len(stored), index.dim, seed=7)
    return np.random.default_rng(5).permutation(np.vstack([stored, new]))


def compare(
    index: Index, queries: np.ndarray, turns: int, *, together: bool = False, fetch: int = K,
    allowed: np.ndarray | None = None,
) -> Pairs:  # fmt: skip
    """Searches for the ten best, and by faiss alone for the `fetch` best; one by one or together.

    Faiss has the index's own parameters.
    """
    bare = _bare_search(index, fetch, allowed)
    blocks = [queries] if together else list(queries[:, None])

    def ours(some: np.ndarray) -> object:
        return search_index(index, some, K, allowed=allowed)

    def run(search: Search) -> Callable[[], object]:
        return lambda: [search(block) for block in blocks]

    index.contents  # noqa: B018  (read once by whoever keeps an index open)
    ours(blocks[0]), bare(blocks[0])
    return measure_pairs(run(ours), run(bare), turns, wall_seconds)


def _bare_search(index: Index, fetch: int, allowed: np.ndarray | None) -> Search:
    import faiss

    params = parameters.search_parameters(index.faiss, fetch, 1)
    if allowed is not None:
        params.sel = faiss.IDSelectorBatch(allowed)
    return lambda queries: index.faiss.search(queries, fetch, params=params)

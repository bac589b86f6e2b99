"""Recall and speed of searches under conditions that keep a half to a thousandth of the rows."""

import time
from collections.abc import Iterator

import numpy as np
from bench.figures import Figure
from bench.job import Job
from support.clustered import batches, clustered

from engines.index import recall
from engines.index.kinds import autofaiss, flat


def measure(job: Job) -> Iterator[Figure]:
    count, dim = job.size(200_000, 20_000), 128
    vectors, folder = clustered(count, dim, clusters=count // 100), job.scratch / "filters"
    autofaiss.build(
        batches(vectors, size=8192), folder / "graph", autofaiss.Options(index_key="HNSW32")
    )
    flat.build(batches(vectors, size=8192), folder / "exact")
    graph, exact = autofaiss.open_index(folder / "graph"), flat.open_index(folder / "exact")
    for name, value in recall.measure_filtered(graph, exact).items():
        yield Figure("filters", f"{count:,} x {dim}, {name}: recall@10", value, "")
    queries = clustered(256, dim, seed=7)
    for share in (1.0, *recall.SHARES):
        allowed = None if share == 1.0 else np.arange(max(1, round(share * count)))
        begun = time.perf_counter()
        graph.search(queries, 10, allowed=allowed)
        seconds = time.perf_counter() - begun
        yield Figure("filters", f"{share:.1%} kept: 256 queries together", seconds, "s")

"""Searches queries together that share a condition: selecting rows is what costs."""

from collections.abc import Callable, Sequence

import numpy as np

from data.records import Hit, Query
from data.specs.retrieve import RetrieveSpec
from engines.retrieve.search import Barred

SearchVectors = Callable[..., list[Hit]]  # as `Retriever.search_vectors`


def search_groups(
    search: SearchVectors, queries: Sequence[Query], vectors: np.ndarray, spec: RetrieveSpec,
    own: Sequence[Barred] | None = None,
) -> list[Hit]:  # fmt: skip
    """The hits of each query (its vector in row n), under its own condition too, in their order."""
    hits: dict[str, list[Hit]] = {query.id: [] for query in queries}
    for where in dict.fromkeys(query.where for query in queries):
        places = [n for n, query in enumerate(queries) if query.where == where]
        group, mine = [queries[n] for n in places], own and [own[n] for n in places]
        for hit in search(group, vectors[places], spec, [where], mine):
            hits[hit.prompt_id].append(hit)
    return [hit for group_hits in hits.values() for hit in group_hits]

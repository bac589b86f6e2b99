"""Searches under conditions find what is nearest among what is kept, whatever that is."""

from pathlib import Path

import numpy as np
import pytest
from support.clustered import batches, clustered

from engines.index import recall
from engines.index.index import Index
from engines.index.kinds import autofaiss, flat

VECTORS = clustered(20_000, 64, clusters=200)


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, Index]:
    """A graph that is searched narrowly, and exact search over the same vectors."""
    folder: Path = tmp_path_factory.mktemp("filtered")
    options = autofaiss.Options(index_key="HNSW16", recall_aim=0.9)
    autofaiss.build(batches(VECTORS, size=5000), folder / "graph", options)
    flat.build(batches(VECTORS, size=5000), folder / "exact")
    return autofaiss.open_index(folder / "graph"), flat.open_index(folder / "exact")


def test_recall_holds_under_filters_of_any_width_random_and_by_content(
    indexes: tuple[Index, Index],
) -> None:
    texts = clustered(20, 64, seed=9)
    figures = recall.measure_filtered(*indexes, texts=texts)
    assert set(figures) == {
        f"{kind}_{share}" for kind in ("random", "content") for share in (0.5, 0.1, 0.01, 0.001)
    }
    recall.check_gate(figures, 0.999)


def test_the_rows_found_are_kept_ones(indexes: tuple[Index, Index]) -> None:
    index, _ = indexes
    allowed = np.flatnonzero(index.vectors(np.arange(len(index)))[:, 0] > 0)
    _, rows = index.search(VECTORS[::1000], 5, allowed=allowed)
    assert (rows >= 0).all() and np.isin(rows, allowed).all()

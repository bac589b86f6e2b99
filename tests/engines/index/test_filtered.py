"""Searches under conditions find what is nearest among what is kept, whatever that is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.clustered import batches, clustered

from engines.index import filtered, recall
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


@pytest.fixture
def probed(indexes: tuple[Index, Index], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Filters that keep more than 1,000 rows are probed; how many queries were scanned besides."""
    scanned: list[int] = []
    scan = Index.scan

    def counted(self: Index, queries: np.ndarray, k: int, **more: Any) -> Any:
        scanned.append(len(queries))
        return scan(self, queries, k, **more)

    monkeypatch.setattr(filtered, "MAX_SCANNED", 1000)
    monkeypatch.setitem(indexes[0].about, filtered.PROBED, True)
    monkeypatch.setattr(Index, "scan", counted)
    return scanned


def test_wide_filters_lose_no_recall_where_they_are_probed(
    indexes: tuple[Index, Index], probed: list[int]
) -> None:
    texts = clustered(20, 64, seed=9)
    figures = recall.measure_filtered(*indexes, texts=texts)
    assert min(figures.values()) >= 0.95, figures


def test_queries_far_from_all_that_is_kept_are_compared_with_every_row_of_it(
    indexes: tuple[Index, Index], probed: list[int]
) -> None:
    index, exact = indexes
    queries = np.vstack([VECTORS[::2000], clustered(10, 64, seed=9)])
    vectors = exact.vectors(np.arange(len(exact)))
    order = np.argsort(-(vectors @ VECTORS[0]))
    for kept in (order[:10_000], order[10_000:], order[:3000], order[-3000:]):
        names = exact.contents[np.sort(kept)].tolist()
        probed.clear()
        scores, rows = index.search(queries, 10, allowed=np.sort(index.rows(names)))
        assert sum(probed) < len(queries), "nothing was probed"
        best, _ = exact.scan(queries, 10, allowed=np.sort(kept))
        assert (rows >= 0).all()
        assert (scores >= best[:, -1:] - 1e-5).mean() >= 0.9  # as the graph was tuned to


def test_what_a_query_finds_does_not_depend_on_those_beside_it(
    indexes: tuple[Index, Index], probed: list[int]
) -> None:
    allowed = np.arange(0, len(VECTORS), 2)
    together = indexes[0].search(VECTORS[::1000], 5, allowed=allowed)[1]
    alone = [indexes[0].search(query[None], 5, allowed=allowed)[1][0] for query in VECTORS[::1000]]
    np.testing.assert_array_equal(together, alone)


def test_a_version_that_was_not_measured_so_is_not_probed(
    indexes: tuple[Index, Index], probed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(indexes[0].about, filtered.PROBED)
    indexes[0].search(VECTORS[:3], 5, allowed=np.arange(0, len(VECTORS), 2))
    assert probed == [3]


def test_the_rows_found_are_kept_ones(indexes: tuple[Index, Index]) -> None:
    index, _ = indexes
    allowed = np.flatnonzero(index.vectors(np.arange(len(index)))[:, 0] > 0)
    _, rows = index.search(VECTORS[::1000], 5, allowed=allowed)
    assert (rows >= 0).all() and np.isin(rows, allowed).all()

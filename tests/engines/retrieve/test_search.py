from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clustered import batches, clustered, named

from data.errors import UserError
from engines.index.batches import Batch
from engines.index.index import Index
from engines.index.kinds import autofaiss, flat
from engines.retrieve.search import Neighbour, SearchResult, search_index


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def build_index(folder: Path, vectors: np.ndarray, ids: list[str] | None = None) -> Index:
    flat.build([Batch(ids or named(len(vectors)), vectors)], folder)
    return flat.open_index(folder)


def ids_of(result: SearchResult) -> list[str]:
    return [one.content for one in result.neighbours]


class Scripted:
    """An index that answers what it was told to, -1 and nonsense included."""

    def __init__(self, vectors: np.ndarray, answer: list[int]) -> None:
        self.contents = np.array(named(len(vectors)), dtype=np.dtypes.StringDType())
        self.stored, self.answer = vectors, answer
        self.requests: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self.stored)

    def search(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None, effort: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        self.requests.append((k, effort))
        rows = np.tile((self.answer + [-1] * k)[:k], (len(queries), 1))
        return np.zeros(rows.shape, np.float32), rows

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        return self.stored[rows]


def test_a_hand_computed_answer(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", np.array([[1, 0], [0.6, 0.8], [0, 1]]), ["x", "slant", "y"])
    (result,) = search_index(index, np.array([[0.0, 2.0]]), 2, dedup=None)
    assert result.short_by == 0
    assert [(one.rank, one.row, one.content) for one in result.neighbours] == [
        (1, 2, "y"),
        (2, 1, "slant"),
    ]
    np.testing.assert_allclose([one.score for one in result.neighbours], [1.0, 0.8], atol=1e-6)


def test_unfilled_slots_are_dropped_before_anything_else() -> None:
    index = Scripted(at(0, 90, 180, 270), [-1, 1, -1, 0])
    (result,) = search_index(index, at(0), 2)
    assert ids_of(result) == ["v00000", "v00001"]


def test_the_ceiling_is_strict(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", np.array([[1, 0], [0.6, 0.8]]))
    query = np.array([[1.0, 0.0]])
    assert ids_of(search_index(index, query, 2, ceiling=1.0)[0]) == ["v00001"]
    assert ids_of(search_index(index, query, 2, ceiling=1.01)[0]) == ["v00000", "v00001"]


def test_the_excluded_id_does_not_take_its_copies_along(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", at(0, 1, 90), ["me", "copy", "other"])
    result = search_index(index, at(0, 90), 2, exclude=["me", None])
    assert ids_of(result[0]) == ["copy", "other"]
    assert ids_of(result[1]) == ["other", "copy"]


def test_refilling_goes_on_past_candidates_that_dedup_eats(tmp_path: Path) -> None:
    copies = np.repeat(at(0), 500, axis=0)
    index = build_index(tmp_path / "v", np.vstack([copies, at(40, 80, 120)]))
    (result,) = search_index(index, at(0), 3)
    assert ids_of(result) == ["v00000", "v00500", "v00501"]
    assert result.short_by == 0


def test_a_shortage_is_reported(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", at(0, 1, 2, 90))
    (result,) = search_index(index, at(0), 5)
    assert (len(result.neighbours), result.short_by) == (2, 3)


def test_fetching_doubles_with_its_effort_until_nothing_is_left() -> None:
    index = Scripted(np.repeat(at(0), 100, axis=0), list(range(100)))
    (result,) = search_index(index, at(0), 2)
    assert index.requests == [(20, 1), (40, 2), (80, 4), (100, 8)]
    assert result.short_by == 1


def test_fetching_stops_where_comparing_would_grow_out_of_hand() -> None:
    index = Scripted(np.repeat(at(0), 40_000, axis=0), list(range(40_000)))
    (result,) = search_index(index, at(0), 2)
    assert index.requests[-1][0] == 16_384
    assert result.short_by == 1


def test_one_allowed_row_among_ten_thousand_is_found(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", clustered(10_000, 8))
    result = search_index(index, clustered(3, 8, seed=5), 1, allowed=[4321])
    assert [ids_of(one) for one in result] == [["v04321"]] * 3


def test_a_narrow_filter_still_fills_k_on_a_graph(tmp_path: Path) -> None:
    autofaiss.build(batches(clustered(3000)), tmp_path / "v")
    index = autofaiss.open_index(tmp_path / "v")
    allowed = index.rows(named(3000)[::300])
    for result in search_index(index, clustered(4, seed=3), 8, allowed=allowed, dedup=None):
        assert result.short_by == 0
        assert set(ids_of(result)) <= set(named(3000)[::300])


def test_a_wide_filter_is_kept_to_by_the_index_itself(tmp_path: Path) -> None:
    autofaiss.build(batches(clustered(3000)), tmp_path / "v")
    index = autofaiss.open_index(tmp_path / "v")
    even = index.rows(named(3000)[::2])
    for result in search_index(index, clustered(4, seed=3), 8, allowed=even, dedup=None):
        assert result.short_by == 0
        assert set(ids_of(result)) <= set(named(3000)[::2])


def test_a_filter_that_allows_nothing_finds_nothing(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", at(0, 90))
    assert search_index(index, at(0), 2, allowed=[]) == [SearchResult((), 2)]


def test_rows_of_unknown_ids_allow_nothing_and_rows_beyond_the_end_raise(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", at(0, 90, 180))
    allowed = index.rows(["v00001", "never indexed"])
    assert ids_of(search_index(index, at(0), 1, allowed=allowed)[0]) == ["v00001"]
    with pytest.raises(ValueError, match="row 3"):
        search_index(index, at(0), 1, allowed=[3])


def test_queries_of_another_model_are_refused(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", at(0, 90))
    with pytest.raises(UserError, match="5 dimensions"):
        search_index(index, np.ones((1, 5)), 1)


def test_ties_are_ranked_by_id_whatever_the_row(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", at(30, -30, 30, -30), ["d", "b", "a", "c"])
    (result,) = search_index(index, at(0), 4, dedup=None)
    assert ids_of(result) == ["a", "b", "c", "d"]


@pytest.mark.slow
def test_exact_and_approximate_give_the_same_answers(tmp_path: Path) -> None:
    vectors = clustered(3000)
    vectors[1::2] = vectors[::2]  # every vector twice: half of all ranks are ties
    flat.build(batches(vectors), tmp_path / "exact")
    autofaiss.build(batches(vectors), tmp_path / "graph", autofaiss.Options(recall_aim=1.0))
    queries = vectors[::60] + 0.05 * clustered(50, seed=4)
    exact = search_index(flat.open_index(tmp_path / "exact"), queries, 5)
    graph = search_index(autofaiss.open_index(tmp_path / "graph"), queries, 5)
    told = [[(n.rank, n.content, n.score) for n in one.neighbours] for one in exact]
    assert told == [[(n.rank, n.content, n.score) for n in one.neighbours] for one in graph]


def test_an_answer_does_not_depend_on_the_queries_beside_it(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", clustered(500))
    queries = clustered(30, seed=8)
    together = search_index(index, queries, 5)
    assert together == [search_index(index, query[None], 5)[0] for query in queries]


def test_a_stored_vector_that_is_not_finite_is_never_an_answer() -> None:
    index = Scripted(np.array([[np.nan, 1], [1, 0], [0, 0]], np.float32), [0, 1, 2])
    (result,) = search_index(index, at(0), 3)
    assert result == SearchResult((Neighbour(1, 1, "v00001", 1.0),), 2)


@pytest.mark.parametrize("query", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_a_query_without_a_direction_raises(query: list[float]) -> None:
    with pytest.raises(ValueError, match="query 1"):
        search_index(Scripted(at(0), [0]), np.array([[1.0, 0.0], query]), 1)


def test_bad_counts_raise() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        search_index(Scripted(at(0), [0]), at(0), 0)
    with pytest.raises(ValueError, match="exclude"):
        search_index(Scripted(at(0), [0]), at(0, 1), 1, exclude=["a"])


def test_no_queries_and_an_empty_index_are_no_trouble() -> None:
    assert search_index(Scripted(at(0), [0]), np.empty((0, 2)), 3) == []
    assert search_index(Scripted(np.empty((0, 2), np.float32), []), at(0), 3) == [
        SearchResult((), 3)
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 359), min_size=1, max_size=25),
    st.integers(1, 8),
    st.sampled_from([0.5, 0.99, 1.01]),
    st.sampled_from([0.94, 0.98, None]),
)
def test_answers_keep_every_promise(
    degrees: list[int], k: int, ceiling: float, dedup: float | None
) -> None:
    vectors = at(*degrees)
    index = Scripted(vectors, list(range(len(vectors))))
    (result,) = search_index(index, at(0), k, ceiling=ceiling, dedup=dedup, exclude=["v00000"])
    scores = [one.score for one in result.neighbours]
    rows = [one.row for one in result.neighbours]
    assert [one.rank for one in result.neighbours] == list(range(1, len(rows) + 1))
    assert scores == sorted(scores, reverse=True) and all(score < ceiling for score in scores)
    assert len(set(rows)) == len(rows) == k - result.short_by and 0 not in rows
    if dedup is not None:
        assert (np.triu(vectors[rows] @ vectors[rows].T, 1) <= dedup).all()


def test_mmr_ranks_what_ceiling_and_dedup_leave_by_marginal_relevance(tmp_path: Path) -> None:
    ids = ["self", "near", "copy", "beside", "far"]
    index = build_index(tmp_path / "v", at(0, 5, 5.1, 12, -60), ids)
    plain = search_index(index, at(0), 3, ceiling=0.999, dedup=0.999)[0]
    assert ids_of(plain) == ["near", "beside", "far"]
    (result,) = search_index(index, at(0), 3, ceiling=0.999, dedup=0.999, mmr=0.5)
    assert ids_of(result) == ["near", "far", "beside"]
    assert [one.rank for one in result.neighbours] == [1, 2, 3]
    np.testing.assert_allclose(
        [one.score for one in result.neighbours], np.cos(np.radians([5, 60, 12])), atol=1e-6
    )


def test_mmr_sees_more_candidates_than_are_asked_for(tmp_path: Path) -> None:
    index = build_index(tmp_path / "v", at(1, 2, 3, 4, 5, 6, 80), list("abcdefg"))
    (result,) = search_index(index, at(0), 2, ceiling=1.01, dedup=0.99999, mmr=0.4)
    assert ids_of(result) == ["a", "g"]
    assert result.short_by == 0

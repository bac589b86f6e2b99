"""Near copies by vectors: every pair above the threshold, however many rows there are."""

import numpy as np

from data.specs.pipeline import IndexSpec
from engines.index.batches import Batch
from engines.index.kinds import flat
from engines.retrieve import near_copies
from engines.retrieve.near_copies import find_near_copies


class Rows:
    """As many rows as vectors, to be read by number."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors, self.ids = vectors, np.arange(len(vectors)).astype(str)

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, queries, k, *, allowed=None, effort=1):
        raise AssertionError("every row is compared")

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        return self._vectors[rows]


def at_cosine(vector: np.ndarray, cosine: float) -> np.ndarray:
    """A unit vector at this cosine to another one."""
    other = np.random.default_rng(1).standard_normal(len(vector))
    other -= vector * (other @ vector)
    other /= np.linalg.norm(other)
    return cosine * vector + np.sqrt(1 - cosine**2) * other


def unit(rows: int, dim: int = 64) -> np.ndarray:
    vectors = np.random.default_rng(0).standard_normal((rows, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_pairs_at_the_threshold_or_above_are_found_and_no_others() -> None:
    queries = unit(3)
    vectors = np.stack([at_cosine(queries[1], c) for c in (0.9799, 0.9801, 1.0, 0.5)])
    pairs = list(find_near_copies(Rows(vectors), 7 * queries, 0.98))
    assert [(pair.query, pair.row) for pair in pairs] == [(1, 1), (1, 2)]
    assert np.allclose([pair.similarity for pair in pairs], [0.9801, 1.0], atol=1e-5)


def test_rows_beyond_a_block_are_compared_too(monkeypatch) -> None:
    monkeypatch.setattr(near_copies, "BLOCK", 16)
    vectors = unit(50)
    pairs = list(find_near_copies(Rows(vectors), vectors[[49, 3, 16]], 0.99))
    assert {(pair.query, pair.row) for pair in pairs} == {(0, 49), (1, 3), (2, 16)}


def test_a_similarity_hangs_on_the_two_vectors_alone() -> None:
    vectors, queries = unit(40), unit(40)[5:6] + 0.01
    alone = [p.similarity for p in find_near_copies(Rows(vectors[5:6]), queries, 0.9)]
    pairs = find_near_copies(Rows(vectors), np.vstack([unit(9), queries]), 0.9)
    among = [p.similarity for p in pairs if (p.query, p.row) == (9, 5)]
    assert alone == among and len(alone) == 1


def test_a_query_without_a_direction_is_near_nothing() -> None:
    queries = np.stack([np.zeros(64), np.full(64, np.nan)])
    assert list(find_near_copies(Rows(unit(5)), queries, -1.0)) == []


def test_a_real_index_gives_its_rows(tmp_path) -> None:
    vectors = unit(20).astype(np.float32)
    ids = [f"v{n}" for n in range(20)]
    flat.build([Batch(ids, vectors)], tmp_path / "index", IndexSpec(engine="flat"))
    index = flat.open_index(tmp_path / "index")
    assert [
        (p.query, str(index.contents[p.row])) for p in find_near_copies(index, vectors[[7]], 0.99)
    ] == [(0, "v7")]

from pathlib import Path

import numpy as np
import pytest
from support.clustered import batches, clustered, named

from data.errors import UserError
from engines.index.batches import Batch
from engines.index.ground_truth import draw_truth, find_truth
from engines.index.index import Index
from engines.index.kinds import flat
from engines.index.recall import BelowGate, check_gate, measure_recall


def built(folder: Path, vectors: np.ndarray, ids: list[str]) -> Index:
    flat.build([Batch(ids, vectors)], folder)
    return flat.open_index(folder)


def recall_at_k(
    index: Index, exact: Index, queries: np.ndarray, k: int = 10, own: list[str] | None = None
) -> float:
    return float(find_truth(exact, queries, own).recall(index, k).mean())


def test_an_exact_index_recalls_everything_whatever_its_order(tmp_path: Path) -> None:
    vectors, ids = clustered(300), named(300)
    exact = built(tmp_path / "a", vectors, ids)
    turned = built(tmp_path / "b", vectors[::-1], ids[::-1])
    assert recall_at_k(turned, exact, vectors[:50], own=ids[:50]) == 1.0
    assert recall_at_k(turned, exact, clustered(50, seed=3)) == 1.0


def test_half_of_the_rows_recall_what_they_hold(tmp_path: Path) -> None:
    vectors = np.eye(4) + 0.01 * np.arange(4)[:, None]
    exact = built(tmp_path / "a", vectors, list("abcd"))
    half = built(tmp_path / "b", vectors[:2], list("ab"))
    assert recall_at_k(half, exact, np.eye(4, dtype=np.float32)[:1], 1) == 1.0
    assert recall_at_k(half, exact, np.eye(4, dtype=np.float32)[3:], 1) == 0.0
    assert recall_at_k(half, exact, np.eye(4, dtype=np.float32)[:1], 4) == 0.5


def test_a_video_does_not_count_as_its_own_neighbour(tmp_path: Path) -> None:
    exact = built(tmp_path / "a", clustered(40), named(40))
    alone = built(tmp_path / "b", clustered(40)[:1], ["v00000"])
    query = clustered(40)[:1]
    assert recall_at_k(alone, exact, query, 1, own=["v00000"]) == 0.0
    assert recall_at_k(alone, exact, query, 1) == 1.0


def test_a_tie_is_as_good_as_what_it_ties_with(tmp_path: Path) -> None:
    copies = np.ones((4, 3))
    exact = built(tmp_path / "a", copies, list("abcd"))
    other = built(tmp_path / "b", copies[:2], list("dc"))
    assert recall_at_k(other, exact, np.ones((1, 3), np.float32) / np.sqrt(3), 2) == 1.0


def test_one_vector_alone_has_nothing_to_miss(tmp_path: Path) -> None:
    index = built(tmp_path / "a", np.ones((1, 3)), ["a"])
    assert measure_recall(index, draw_truth(index, None)) == {"video_recall_at_10": 1.0}


def test_texts_are_measured_where_there_are_any(tmp_path: Path) -> None:
    flat.build(batches(clustered(200)), tmp_path / "a")
    index = flat.open_index(tmp_path / "a")
    measured = measure_recall(index, draw_truth(index, clustered(20, seed=2)))
    assert measured == {"video_recall_at_10": 1.0, "text_recall_at_10": 1.0}


def test_the_gate_says_what_to_do() -> None:
    check_gate({"video_recall_at_10": 0.95})
    with pytest.raises(BelowGate, match="text_recall_at_10") as caught:
        check_gate({"video_recall_at_10": 0.97, "text_recall_at_10": 0.9})
    assert isinstance(caught.value, UserError)
    for nothing in ({}, {"video_recall_at_10": float("nan")}):
        with pytest.raises(BelowGate):
            check_gate(nothing)

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.retrieve.dedup import pick_distinct


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_chain_leaves_its_best_ranked_member_alone() -> None:
    # 10 degrees apart: cosine 0.985; 20 degrees: 0.940
    assert pick_distinct(at(0, 10, 20), 0.98).tolist() == [0]
    assert pick_distinct(at(20, 0, 10), 0.98).tolist() == [0]


def test_a_chain_without_its_middle_keeps_both_ends() -> None:
    assert pick_distinct(at(0, 20), 0.98).tolist() == [0, 1]


def test_the_threshold_itself_does_not_join() -> None:
    same = np.array([[1, 0], [1, 0]], np.float32)
    assert pick_distinct(same, 1.0).tolist() == [0, 1]
    assert pick_distinct(same, 0.999).tolist() == [0]


def test_order_is_kept_and_the_limit_stops_early() -> None:
    vectors = at(0, 90, 1, 180, 91, 270)
    assert pick_distinct(vectors, 0.98).tolist() == [0, 1, 3, 5]
    assert pick_distinct(vectors, 0.98, 2).tolist() == [0, 1]


def test_nothing_gives_nothing() -> None:
    assert pick_distinct(np.empty((0, 4), np.float32), 0.9).tolist() == []


def components(vectors: np.ndarray, threshold: float) -> list[int]:
    """The same by the definition: transitive closure of the joined pairs."""
    reach = (vectors @ vectors.T > threshold) | np.eye(len(vectors), dtype=bool)
    for _ in vectors:
        reach = reach @ reach
    return sorted({int(np.argmax(line)) for line in reach})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 359), max_size=30), st.sampled_from([0.9, 0.98, 0.999]))
def test_what_is_kept_is_the_first_of_each_component(degrees: list[int], threshold: float) -> None:
    vectors = at(*degrees) if degrees else np.empty((0, 2), np.float32)
    assert pick_distinct(vectors, threshold).tolist() == components(vectors, threshold)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 359), max_size=30), st.sampled_from([0.9, 0.98]), st.integers(0, 9))
def test_a_limit_keeps_the_first_of_them(degrees: list[int], threshold: float, limit: int) -> None:
    """Among them are lists in which none of the first are joined, which takes another way."""
    vectors = at(*degrees) if degrees else np.empty((0, 2), np.float32)
    kept = components(vectors, threshold)[:limit]
    assert pick_distinct(vectors, threshold, limit).tolist() == kept


def test_a_later_copy_of_one_of_the_first_joins_two_of_them() -> None:
    # 0 and 18 degrees are not joined, but each is to the last.
    assert pick_distinct(at(0, 18, 90, 9), 0.98, 2).tolist() == [0, 2]


def test_what_is_near_the_threshold_is_judged_as_without_a_limit() -> None:
    vectors = at(*np.degrees(np.arccos([1, 0.98 - 1e-5, 0.98 + 1e-5])), 180)
    for threshold in (0.98, 0.98 + 2e-5, 0.98 - 2e-5):
        whole = pick_distinct(vectors, threshold).tolist()
        assert pick_distinct(vectors, threshold, 4).tolist() == whole


def test_many_copies_are_struck_in_blocks() -> None:
    vectors = np.repeat(at(0, 120), 3000, axis=0)
    assert pick_distinct(vectors, 0.98).tolist() == [0, 3000]

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.retrieve.mmr import pick_diverse


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def published(vectors, scores, weight, limit):
    """The definition, step by step: Carbonell and Goldstein (SIGIR 1998), equation 1."""
    chosen: list[int] = []
    while len(chosen) < min(limit, len(vectors)):
        worth = {}
        for i in range(len(vectors)):
            if i not in chosen:
                alike = [float((vectors[i].astype(float) * vectors[j]).sum()) for j in chosen]
                worth[i] = weight * float(scores[i]) - (1 - weight) * max(alike, default=0.0)
        chosen.append(max(worth, key=lambda i: (worth[i], -i)))
    return chosen


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 25), limit=st.integers(1, 12), seed=st.integers(0, 999),
    weight=st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]),
)  # fmt: skip
def test_it_is_the_definition(count, limit, seed, weight):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[count // 2 :: 3] = vectors[: len(vectors[count // 2 :: 3])]  # equals among them
    scores = vectors @ vectors[:1].sum(axis=0) if count else np.zeros(0, np.float32)
    expected = published(vectors, scores, weight, limit)
    assert pick_diverse(vectors, scores, weight, limit).tolist() == expected


def test_a_copy_gives_way_to_what_is_new():
    vectors, query = at(5, 6, 40, -70), at(0)[0]
    assert pick_diverse(vectors, vectors @ query, 1.0, 2).tolist() == [0, 1]
    assert pick_diverse(vectors, vectors @ query, 0.5, 2).tolist() == [0, 3]


def test_at_one_the_best_scores_are_chosen_in_order():
    vectors = at(30, 10, 20)
    assert pick_diverse(vectors, np.array([0.2, 0.9, 0.5]), 1.0, 3).tolist() == [1, 2, 0]

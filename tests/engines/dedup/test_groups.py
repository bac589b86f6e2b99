"""Groups: no chain stretches one, ties and order do not matter, and names stay over nights."""

from itertools import combinations, groupby, pairwise

import numpy as np
import pytest

from engines.dedup import groups
from engines.dedup.groups import choose_anchors, join_links, label_components


def on_circle(degrees: np.ndarray) -> np.ndarray:
    turned = np.radians(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def form(vectors: np.ndarray, links: list[tuple[int, int]], least: float) -> list[list[int]]:
    made = join_links(np.array(links), vectors.__getitem__, least)
    return sorted(group.tolist() for group in made)


def test_a_chain_of_likenesses_is_cut_where_its_ends_are_unlike() -> None:
    vectors = on_circle(np.arange(0, 90, 3.0))
    made = form(vectors, list(pairwise(range(len(vectors)))), least=0.95)  # 18 degrees
    assert sum(map(len, made)) > 25 and len(made) >= 4
    for group in made:
        assert min(vectors[a] @ vectors[b] for a, b in combinations(group, 2)) >= 0.95 - 1e-6


def test_links_are_followed_in_their_order() -> None:
    vectors = on_circle(np.array([0.0, 15, 30, 32]))
    assert form(vectors, [(2, 3), (1, 2), (0, 1)], least=0.95) == [[1, 2, 3]]
    assert form(vectors, [(0, 1), (2, 3), (1, 2)], least=0.95) == [[0, 1], [2, 3]]


def test_a_large_group_is_bounded_without_comparing_all_its_videos(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "MAX_COMPARED", 4)
    monkeypatch.setattr(groups, "MAX_MEASURED", 4)
    vectors = on_circle(np.linspace(0, 40, 60))
    made = form(vectors, list(pairwise(range(60))), least=0.95)
    assert max(map(len, made)) > 4
    for group in made:
        assert min(vectors[a] @ vectors[b] for a, b in combinations(group, 2)) >= 0.95 - 1e-6


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_components_are_the_same_however_links_are_read(size: int) -> None:
    random = np.random.default_rng(0)
    links = random.integers(0, 400, (180, 2))
    labels = label_components(400, np.array_split(links, max(1, len(links) // size)))
    parent = list(range(400))
    for one, other in links.tolist():  # what is joined: by relabelling, one link at a time
        parent = [parent[one] if p == parent[other] else p for p in parent]
    expected = {frozenset(np.flatnonzero(np.array(parent) == p).tolist()) for p in parent}
    found = {frozenset(np.flatnonzero(labels == label).tolist()) for label in labels.tolist()}
    assert found == expected and len(expected) > 200


def test_a_name_goes_to_one_group_and_a_group_has_one_name() -> None:
    claims = [(0, 7), (1, 7), (0, 8), (1, 9), (2, 8)]
    assert dict(choose_anchors(claims)) == {0: 7, 1: 9, 2: 8}
    assert [n for n, _ in groupby(choose_anchors(claims), key=lambda each: each[0])] == [0, 1, 2]

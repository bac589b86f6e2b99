"""Groups: no chain stretches one, ties and order do not matter, and names stay over nights."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from engines.dedup import groups
from engines.dedup.groups import form_groups, name_groups


def on_circle(degrees: np.ndarray) -> dict[str, np.ndarray]:
    turned = np.radians(degrees)
    vectors = np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)
    return {f"c{n:03d}": vector for n, vector in enumerate(vectors)}


def form(vectors: dict[str, np.ndarray], links: list, least: float) -> list[list[str]]:
    return form_groups(links, lambda names: np.stack([vectors[n] for n in names]), least)


def test_a_chain_of_likenesses_is_cut_where_its_ends_are_unlike() -> None:
    vectors = on_circle(np.arange(0, 90, 3.0))
    names = sorted(vectors)
    links = [(a, b, 0.99) for a, b in pairwise(names)]
    made = form(vectors, links, least=0.95)  # 18 degrees
    assert sum(map(len, made)) > 25 and len(made) >= 4
    for group in made:
        assert min(vectors[a] @ vectors[b] for a, b in combinations(group, 2)) >= 0.95 - 1e-6


def test_the_closest_are_joined_first_in_whatever_order_links_come() -> None:
    vectors = on_circle(np.array([0.0, 15, 30, 32]))
    links = [("c000", "c001", 0.97), ("c001", "c002", 0.98), ("c002", "c003", 0.999)]
    expected = [["c001", "c002", "c003"]]
    assert form(vectors, links, least=0.95) == expected
    assert form(vectors, links[::-1], least=0.95) == expected


def test_a_large_group_is_bounded_without_comparing_all_its_videos(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "MAX_COMPARED", 4)
    monkeypatch.setattr(groups, "MAX_MEASURED", 4)
    vectors = on_circle(np.linspace(0, 40, 60))
    names = sorted(vectors)
    links = [(a, b, 0.99) for a, b in pairwise(names)]
    made = form(vectors, links, least=0.95)
    assert max(map(len, made)) > 4
    for group in made:
        assert min(vectors[a] @ vectors[b] for a, b in combinations(group, 2)) >= 0.95 - 1e-6


def test_a_group_keeps_its_name_as_it_grows_shrinks_and_joins_another() -> None:
    assert name_groups([["a", "b"], ["x", "y"]], {}) == ["a", "x"]
    before = {"a": "a", "b": "a", "x": "x", "y": "x"}
    assert name_groups([["Z", "a", "b"], ["x", "y"]], before) == ["a", "x"], "it grew"
    assert name_groups([["b", "c"]], before) == ["a"], "what named it is gone"
    assert name_groups([["a", "b", "x"]], before) == ["a"], "most of it was there"
    assert name_groups([["a", "c"], ["b", "d", "e"]], before) == ["a", "b"], "it was cut in two"
    # A name whose content is elsewhere now would name two groups.
    assert name_groups([["a", "x"], ["b", "c"]], {"a": "a", "b": "a", "c": "a"}) == ["a", "b"]

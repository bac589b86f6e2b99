"""Mutual neighbours: a row near everything is not everybody's copy."""

from pathlib import Path

import numpy as np
import pytest

from engines.dedup.neighbours import MutualNeighbours
from engines.index.batches import Batch, to_unit
from engines.index.kinds import flat


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> flat.Index:
    """A hub, 12 rows around it, which are farther from each other, and a pair of copies."""
    random = np.random.default_rng(0)
    hub = random.standard_normal(64)
    around = hub + 0.25 * random.standard_normal((12, 64))
    copy = random.standard_normal(64)
    vectors = to_unit(np.vstack([hub, around, copy, copy + 0.01 * random.standard_normal(64)]))
    folder = tmp_path_factory.mktemp("index") / "v"
    flat.build([Batch([f"v{n}" for n in range(15)], vectors)], folder)
    return flat.open_index(folder)


def find(neighbours: MutualNeighbours, rows: np.ndarray) -> list[tuple[int, int, float]]:
    found = (each.tolist() for each in neighbours.find(rows))
    return list(zip(*found, strict=True))


def test_a_hub_has_only_its_own_nearest(index: flat.Index, tmp_path: Path) -> None:
    pairs = find(MutualNeighbours(index, 3, 0.9, tmp_path), np.arange(15))
    of_hub = {other for row, other, _ in pairs if row == 0}
    assert len(of_hub) == 3
    assert {(13, 14), (14, 13)} <= {pair[:2] for pair in pairs}
    assert {pair[:2] for pair in pairs} == {pair[1::-1] for pair in pairs}, "from both sides"


def test_a_row_finds_one_that_was_compared_before(index: flat.Index, tmp_path: Path) -> None:
    [(one, other, cosine)] = find(MutualNeighbours(index, 3, 0.9, tmp_path), np.array([14]))
    assert (one, other) == (14, 13) and 0.99 < cosine <= 1


def test_what_is_below_the_least_cosine_is_no_candidate(index: flat.Index, tmp_path: Path) -> None:
    pairs = find(MutualNeighbours(index, 14, 0.99, tmp_path), np.arange(15))
    assert [pair[:2] for pair in pairs] == [(13, 14), (14, 13)]


def test_each_row_is_searched_for_once(
    index: flat.Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched, search = [], index.search
    monkeypatch.setattr(index, "search", lambda q, k: (searched.append(len(q)), search(q, k))[1])
    neighbours = MutualNeighbours(index, 3, 0.9, tmp_path)
    parts = [find(neighbours, rows) for rows in np.array_split(np.arange(15), 4)]
    assert sum(searched) == 15
    whole = find(MutualNeighbours(index, 3, 0.9, tmp_path), np.arange(15))
    assert [pair for part in parts for pair in part] == whole

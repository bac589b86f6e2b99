"""Mutual neighbours: a row near everything is not everybody's copy."""

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


def test_a_hub_has_only_its_own_nearest(index: flat.Index) -> None:
    pairs = MutualNeighbours(index, k=3, least=0.9).find(np.arange(15))
    assert sum(0 in (one, other) for one, other, _ in pairs) == 3
    assert (13, 14) in {(one, other) for one, other, _ in pairs}
    assert len({frozenset(pair[:2]) for pair in pairs}) == len(pairs), "each pair once"


def test_a_row_finds_one_that_was_compared_before(index: flat.Index) -> None:
    [(one, other, cosine)] = MutualNeighbours(index, k=3, least=0.9).find(np.array([14]))
    assert (one, other) == (14, 13) and 0.99 < cosine <= 1


def test_what_is_below_the_least_cosine_is_no_candidate(index: flat.Index) -> None:
    pairs = MutualNeighbours(index, k=14, least=0.99).find(np.arange(15))
    assert [pair[:2] for pair in pairs] == [(13, 14)]

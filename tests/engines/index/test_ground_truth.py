"""True neighbours that are kept tell the recall that measuring with everything tells."""

from pathlib import Path

import numpy as np
import pytest
from support.clustered import batches, clustered, named

from engines.index import ground_truth, growth
from engines.index.ground_truth import draw_truth, find_truth, read_truth
from engines.index.index import Index
from engines.index.kinds import autofaiss, flat

VECTORS, FIRST = clustered(3000, 48, clusters=300), 2800
TEXTS = clustered(40, 48, seed=9)


def exact_without(folder: Path, stale: list[str]) -> Index:
    """Exact search over all vectors that are shown."""
    rows = [n for n, name in enumerate(named(len(VECTORS))) if name not in stale]
    shown = np.array(named(len(VECTORS)), object)[rows].tolist()
    flat.build([ground_truth.Batch(shown, VECTORS[rows])], folder)
    return flat.open_index(folder)


@pytest.mark.parametrize("key", ["HNSW8", "IVF16,PQ8x4"])
def test_a_grown_index_has_the_recall_of_a_whole_measurement(tmp_path: Path, key: str) -> None:
    options = autofaiss.Options(index_key=key, recall_aim=0.6)
    mixed = np.random.default_rng(0).permutation(FIRST)
    autofaiss.build([*batches(VECTORS[:FIRST])], tmp_path / "old", options)
    flat.build(batches(VECTORS[:FIRST]), tmp_path / "exact-old")
    drawn = draw_truth(flat.open_index(tmp_path / "exact-old"), TEXTS, sample=200)
    drawn.write(tmp_path / "old")
    growth.grow_index(
        autofaiss.open_index(tmp_path / "old"), batches(VECTORS[FIRST:], first=FIRST),
        tmp_path / "new",
    )  # fmt: skip
    new = autofaiss.open_index(tmp_path / "new")
    stale = [named(FIRST)[n] for n in mixed[:60]]
    kept = read_truth(tmp_path / "old")
    assert kept is not None
    kept = kept.extend(batches(VECTORS[FIRST:], first=FIRST)).exclude(stale)
    assert kept.suffices(len(VECTORS) - len(stale))
    whole = find_truth(exact_without(tmp_path / "exact", stale), kept.queries, kept.own.tolist())
    shares = kept.recall(new, stale=stale)
    np.testing.assert_allclose(shares, whole.recall(new, stale=stale))
    assert 0.3 < shares.mean() < 0.999, "nothing is missed: nothing is compared"


def test_vectors_that_growth_lost_lower_the_recall(tmp_path: Path) -> None:
    flat.build(batches(VECTORS[:FIRST]), tmp_path / "old")
    old = flat.open_index(tmp_path / "old")
    copies = VECTORS[:200]  # each the best answer to the one that it copies
    truth = draw_truth(old, None, sample=FIRST).extend(batches(copies, first=FIRST))
    assert draw_truth(old, None, sample=FIRST).recall(old).mean() == 1.0
    assert truth.recall(old)[truth.own < "v00200"].mean() <= 0.9


def test_it_is_drawn_anew_once_the_corpus_has_grown_or_too_little_is_left(tmp_path: Path) -> None:
    flat.build(batches(VECTORS[:1000]), tmp_path / "a")
    truth = draw_truth(flat.open_index(tmp_path / "a"), TEXTS, sample=20)
    assert truth.suffices(1000) and truth.suffices(1100) and not truth.suffices(1101)
    near = set(truth.contents[0][:60])
    assert not truth.exclude(near).suffices(940)


def test_a_corpus_of_a_few_keeps_all_that_there_is(tmp_path: Path) -> None:
    flat.build(batches(VECTORS[:3]), tmp_path / "a")
    index = flat.open_index(tmp_path / "a")
    truth = draw_truth(index, TEXTS)
    assert truth.suffices(3) and truth.recall(index).tolist() == [1.0] * len(truth.queries)
    truth.write(tmp_path)
    read = read_truth(tmp_path)
    assert read is not None and read.count == 3
    for name in ("queries", "own", "contents", "scores"):
        np.testing.assert_array_equal(getattr(read, name), getattr(truth, name))

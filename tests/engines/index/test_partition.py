from itertools import pairwise
from pathlib import Path

import dask
import numpy as np
import pytest
from support.clustered import batches, clustered, named

from data.errors import UserError
from engines.index.batches import Batch
from engines.index.kinds import autofaiss
from engines.index.partition import fill_part, merge_parts, train_index

VECTORS = clustered(2000, 16)
SIZES = [0, 900, 900, 1001, 2000]  # where each part starts; the second is empty
KEY = "IVF32,Flat"


def parts_of(trained: Path, folder: Path) -> list[Path]:
    """Each part filled by a task of its own."""
    tasks = [
        dask.delayed(fill_part, pure=False)(
            trained, list(batches(VECTORS[first:last], first=first)), folder / str(n), first=first
        )
        for n, (first, last) in enumerate(pairwise(SIZES))
    ]
    return list(dask.compute(*tasks, scheduler="threads", num_workers=2))


@pytest.mark.slow
@pytest.mark.parametrize("key", [KEY, "OPQ4_16,IVF8,PQ4x4"])
def test_parts_merge_into_what_a_single_build_gives(tmp_path: Path, key: str) -> None:
    trained = train_index(batches(VECTORS), tmp_path / "trained.index", key)
    merged = merge_parts(parts_of(trained, tmp_path / "parts")[::-1], tmp_path / "merged", key)
    single = merge_parts(
        [fill_part(trained, batches(VECTORS), tmp_path / "one", first=0)], tmp_path / "s", key
    )
    assert (merged.count, merged.parameters) == (2000, single.parameters)
    one, whole = autofaiss.open_index(tmp_path / "merged"), autofaiss.open_index(tmp_path / "s")
    queries = clustered(200, 16, seed=6)
    for mine, theirs in zip(one.search(queries, 10), whole.search(queries, 10), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert one.contents.tolist() == whole.contents.tolist() == named(2000)
    close = {"atol": 1e-6} if key == KEY else {"atol": 1e-3}
    np.testing.assert_allclose(one.vectors(np.arange(2000)), VECTORS, **close)


def test_a_merged_index_is_tuned_and_leaves_no_scraps(tmp_path: Path) -> None:
    trained = train_index(batches(VECTORS), tmp_path / "trained.index", KEY)
    built = merge_parts(parts_of(trained, tmp_path / "parts"), tmp_path / "out" / "v", KEY)
    assert built.figures["tuning_recall_at_10"] >= 0.98
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["v"]
    assert sorted(path.name for path in (tmp_path / "out" / "v").iterdir()) == [
        "ids.parquet",
        "index.json",
        "knn.index",
    ]


def test_a_part_that_is_left_out_or_given_twice_is_noticed(tmp_path: Path) -> None:
    trained = train_index(batches(VECTORS), tmp_path / "trained.index", KEY)
    parts = parts_of(trained, tmp_path / "parts")
    with pytest.raises(UserError, match=r"1001 .* 900"):
        merge_parts([parts[0], parts[3]], tmp_path / "v", KEY)
    with pytest.raises(UserError, match=r" 0 .* 900"):
        merge_parts([parts[0], *parts], tmp_path / "v", KEY)
    with pytest.raises(UserError, match="empty"):
        merge_parts([parts[1]], tmp_path / "v", KEY)


def test_an_id_in_two_parts_is_noticed(tmp_path: Path) -> None:
    trained = train_index(batches(VECTORS), tmp_path / "trained.index", KEY)
    parts = [
        fill_part(trained, [Batch(["a"], VECTORS[:1])], tmp_path / str(first), first=first)
        for first in (0, 1)
    ]
    with pytest.raises(UserError, match="'a'"):
        merge_parts(parts, tmp_path / "v", KEY)


def test_only_inverted_lists_can_be_merged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="HNSW32"):
        train_index(batches(VECTORS), tmp_path / "trained.index", "HNSW32")

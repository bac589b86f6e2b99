from pathlib import Path

import numpy as np
import pytest
from support.clustered import batches, clustered, named

from data.errors import UserError
from engines.index.spool import sample_vectors, write_shuffled


def test_rows_and_ids_are_shuffled_together(tmp_path: Path) -> None:
    vectors = clustered(500)
    held = write_shuffled(batches(vectors), tmp_path / "s", seed=3)
    ids = held.ids["video_id"].to_pylist()
    assert ids != named(500) and sorted(ids) == named(500)
    assert held.ids["row"].to_pylist() == list(range(500))
    places = [int(name[1:]) for name in ids]
    np.testing.assert_allclose(held.vectors, vectors[places], atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_the_first_rows_are_a_sample_of_the_whole(tmp_path: Path) -> None:
    held = write_shuffled(batches(clustered(4000)), tmp_path / "s", seed=0)
    places = [int(name[1:]) for name in held.ids["video_id"].to_pylist()[:1000]]
    quarters = np.histogram(places, bins=4, range=(0, 4000))[0]
    assert quarters.min() > 200


def test_the_order_depends_on_the_seed_alone(tmp_path: Path) -> None:
    orders = [
        write_shuffled(batches(clustered(50), size), tmp_path / str(n), seed=seed).ids
        for n, (size, seed) in enumerate([(7, 0), (50, 0), (7, 1)])
    ]
    assert orders[0].equals(orders[1]) and not orders[0].equals(orders[2])


def test_a_stream_is_sampled_evenly_by_a_seed() -> None:
    vectors = clustered(5000)
    drawn = sample_vectors(batches(vectors, 130), 500, seed=0)
    assert drawn.shape == (500, 32)
    np.testing.assert_array_equal(drawn, sample_vectors(batches(vectors, 130), 500, seed=0))
    nearest = (drawn @ vectors.T).argmax(axis=1)
    assert len(set(nearest)) == 500
    assert np.histogram(nearest, bins=4, range=(0, 5000))[0].min() > 90


def test_a_short_stream_is_taken_whole_and_an_empty_one_raises() -> None:
    assert len(sample_vectors(batches(clustered(20)), 500, seed=0)) == 20
    with pytest.raises(UserError, match="embed and pool"):
        sample_vectors([], 5, seed=0)

import json
from pathlib import Path

import pytest

from data.catalog.database import create_catalog, open_catalog
from data.catalog.merge_summaries import sync_evaluations
from data.store.storage import Store

NAME = "evaluations/aa11/summary.json"


def summary(mean: float, n: int) -> bytes:
    of = {"metric": "m", "label": "M", "n": n, "unmeasured": 0, "mean": mean, "low": 0, "high": 1}
    method = {"method": "x", "videos": 3, "failed": 3 - n, "dropped": 0, "means": [of]}
    said = {"evaluation": "aa11", "made": "now", "source": "s", "benchmark": None, "mode": None}
    return json.dumps(said | {"methods": [method]}).encode()


def means(store: Store, catalogue: Path) -> list[tuple]:
    with open_catalog(catalogue) as catalog:
        sync_evaluations(catalog, store)
        return catalog.execute("SELECT method, mean, n FROM evaluations")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def test_what_one_machine_measured_again_is_new_to_every_catalogue(
    store: Store, tmp_path: Path
) -> None:
    here, there = tmp_path / "here.duckdb", tmp_path / "there.duckdb"
    store.write(NAME, summary(0.25, 2))
    assert means(store, here) == means(store, there) == [("x", 0.25, 2)]
    store.write(NAME, summary(0.5, 3))
    assert means(store, here) == means(store, there) == means(store, there) == [("x", 0.5, 3)]
    with open_catalog(there) as catalog:
        merged = catalog.execute("SELECT path FROM merged")
    with create_catalog(here) as catalog:
        sync_evaluations(catalog, store)
        assert catalog.execute("SELECT path FROM merged") == merged


def test_an_evaluation_under_way_is_not_there_yet(store: Store, tmp_path: Path) -> None:
    store.write("evaluations/aa11/spec.json", b"{}")
    assert means(store, tmp_path / "catalog.duckdb") == []

"""A pipeline through what compose.yaml describes, while its database falls and comes back."""

import json
import urllib.error
from contextlib import ExitStack

import pytest
from commands import wait_until
from running import asked, listens
from topology import INITDB, Postgres, Prefect, Ray, room

PARAMETERS = {"corpus": "rehearsal", "source": "fake://40", "embed_spec": {"engine": "fake"}}
pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(900),
    pytest.mark.skipif(INITDB is None, reason="PostgreSQL is not installed"),
]


def test_a_pipeline_goes_through_the_cluster_as_it_is_shipped() -> None:
    with ExitStack() as running:
        folder = running.enter_context(room())
        ray = running.enter_context(Ray(folder))
        database = running.enter_context(Postgres(folder))
        flows = {
            "REELFLOW_CATALOG": str(folder / "catalogue/catalog.duckdb"),
            "REELFLOW_CORES_PER_WORKER": "1",
            "REELFLOW_RAY_ADDRESS": ray.address,  # other Rays may run on this machine
            "REELFLOW_ROOT": str(folder / "store"),
        }
        prefect = running.enter_context(Prefect(folder, database, flows))
        ray.join()
        wait_until(lambda: listens(ray.ui), "Ray's dashboard was up", 120)
        with pytest.raises(urllib.error.HTTPError, match="401"):  # not without the token
            asked(ray.list)
        wait_until(lambda: ray.alive() == 2, "both Ray nodes were there", 60)

        run = prefect.begin("pipeline/nightly", PARAMETERS)
        corpus = folder / "store/corpora/rehearsal"
        wait_until(lambda: list(corpus.glob("videos/*")), "the run worked")
        database.fall()
        database.rise()
        ended = wait_until(lambda: prefect.ended(run), "the run ended", 240)

        assert ended == "Completed"
        receipts = corpus.glob("embed/*/receipts/*.json")
        assert sum(len(json.loads(file.read_text())["done"]) for file in receipts) == 40
        assert (corpus / "index/current").exists()

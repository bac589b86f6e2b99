"""The whole pipeline through what compose.yaml describes, while its parts fall and come back."""

import json
import logging
import re
import urllib.error
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.commands import wait_until
from support.running import asked, listens
from support.topology import INITDB, Postgres, Prefect, Ray, room

VIDEOS, SHARDS = 20, 5
PARAMETERS = {
    "corpus": "rehearsal",
    "source": f"fake://{VIDEOS}?exit=1&frames=60&seconds=1",  # time for things to fall
    "embed_spec": {"engine": "fake"},
    "generate_spec": {
        "engine": "fake", "width": 32, "height": 16, "frames": 4, "retrieve": {"k": 2},
    },
    "measure": {"metrics": ["temporal_consistency"], "num_frames": 4},
}  # fmt: skip
pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(INITDB is None, reason="PostgreSQL is not installed"),
]


def test_the_whole_pipeline_goes_through_the_cluster_as_it_is_shipped() -> None:
    with ExitStack() as running:
        folder = running.enter_context(room())
        ray = running.enter_context(Ray(folder))
        database = running.enter_context(Postgres(folder))
        flows = {
            "REELFLOW_CATALOG": str(folder / "catalogue/catalog.duckdb"),
            "REELFLOW_CORES_PER_WORKER": "1",
            "REELFLOW_DECODERS": "2",
            "REELFLOW_RAY_ADDRESS": ray.address,  # other Rays may run on this machine
            "REELFLOW_ROOT": str(folder / "store"),
            "REELFLOW_SHARD_SIZE": str(VIDEOS // SHARDS),
        }
        prefect = running.enter_context(Prefect(folder, database, flows))
        ray.join()
        wait_until(lambda: listens(ray.ui), "Ray's dashboard was up", 120)
        with pytest.raises(urllib.error.HTTPError, match="401"):  # not without the token
            asked(ray.list)
        wait_until(lambda: ray.alive() == 2, "both Ray nodes were there")

        prompts = folder / "prompts.txt"
        prompts.write_text("a red circle moving up\na blue star moving down\n")
        run = prefect.begin("pipeline/nightly", PARAMETERS | {"prompts": str(prompts)})
        corpus = folder / "store/corpora/rehearsal"
        wait_until(lambda: list(corpus.glob("videos/*")), "the run worked")
        database.fall()
        database.rise()
        wait_until(lambda: list(corpus.glob("embed/*/receipts/*.json")), "a shard was done")
        ray.fall(ray.nodes[0])  # with all workers
        ray.join()
        ended = wait_until(lambda: prefect.ended(run), "the run ended", 1200)

        assert ended == "Completed"
        wait_until(lambda: ray.alive() == 2, "one node was gone, and another there")
        assert embedded(corpus) == (VIDEOS - 1, 1)
        assert (corpus / "index/current").exists()
        [made] = (folder / "store").glob("generations/*/generations.parquet")
        rows = pq.read_table(made).to_pylist()
        assert [row["prompt"] for row in rows] == prompts.read_text().splitlines()
        assert [(row["reason"], len(row["hits"])) for row in rows] == [(None, 2)] * 2
        [measured] = (folder / "store").glob("evaluations/*/summary.json")
        assert "temporal_consistency" in measured.read_text()
        assert_the_logs_have_a_line_a_shard_and_what_workers_said(prefect)


def embedded(corpus: Path) -> tuple[int, int]:
    """How many videos were, and were not, by the receipts."""
    files = corpus.glob("embed/*/receipts/*.json")
    receipts: list[dict[str, Any]] = [json.loads(file.read_text()) for file in files]
    assert len(receipts) == SHARDS
    rows = [row["reason"] for receipt in receipts for row in receipt["rows"]]
    return rows.count(None), len(rows) - rows.count(None)


def assert_the_logs_have_a_line_a_shard_and_what_workers_said(prefect: Prefect) -> None:
    def told() -> list[dict[str, Any]]:
        lines = prefect.logged()
        return lines if any(line["message"].startswith("report: ") for line in lines) else []

    lines = wait_until(told, "Prefect had the last lines")
    shards = Counter(
        found[0]
        for line in lines
        if line["level"] == logging.INFO
        and (found := re.match(r"\w+ shard \d+(?=: )", line["message"]))
    )
    stages = {"embed": SHARDS, "pool": SHARDS, "generate": 1, "evaluate": 1}
    wanted = {f"{s} shard {n:06d}" for s, count in stages.items() for n in range(count)}
    assert shards == dict.fromkeys(wanted, 1)
    said = [(line["level"], line["message"]) for line in lines if line["level"] >= logging.INFO]
    for level, text in (
        (
            logging.WARNING,
            r"worker \d+ on .*: .*video fake-\d+.*: the decoder exited",
        ),
        (logging.INFO, r"worker \d+ on .*: temporal_consistency on cpu"),
        (logging.WARNING, r"replacing a worker"),  # by the flow, for the node that fell
    ):
        assert [line for line in said if line[0] == level and re.match(text, line[1])], text

"""Corpus, store and reports in object storage: all of it, and what may go wrong there."""

import itertools
import json
import os
import re
import signal
from pathlib import Path

import pytest
from support import buckets
from support.commands import REPOSITORY, Run, Shop, wait_until

from data.store.storage import Store

pytestmark = pytest.mark.timeout(600)

EMBED = ("embed", "c", "--engine", "fake")
SOURCE = "fake://12?undecodable=1&frames=60"


def machine(folder: Path, name: str, store: str, **settings: object) -> Shop:
    """A machine of its own, with nothing on it but a catalogue."""
    there = folder / name
    there.mkdir(parents=True)
    usual = {"ROOT": f"s3://videos/{store}", "CATALOG": there / "catalog.duckdb"}
    return Shop(there, **usual | settings)


@pytest.fixture
def shop(bucket: buckets.Bucket, tmp_path: Path) -> Shop:
    """A corpus of fakes in a store of its own."""
    shop = machine(tmp_path, "machine", tmp_path.name)
    shop.ok("ingest", SOURCE, "--corpus", "c")
    return shop


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The vectors that an undisturbed run leaves on a disk."""
    shop = Shop(tmp_path_factory.mktemp("local"))
    shop.ok("ingest", SOURCE, "--corpus", "c")
    shop.ok(*EMBED)
    return vectors(Store(str(shop.root)))


def vectors(store: Store) -> dict[str, bytes]:
    found = [
        name for stage in store.list_names("corpora/c/embed") for name in store.list_names(stage)
    ]
    return {name: store.read(name) for name in found if "/shard-" in name}


def uploads() -> list[str]:
    """Uploads that were begun and not completed."""
    import boto3

    found = boto3.client("s3").list_multipart_uploads(Bucket="videos").get("Uploads", [])
    return [upload["Key"] for upload in found]


def store_of(shop: Shop) -> Store:
    return Store(str(shop.settings["ROOT"]))


def test_from_videos_there_to_a_leaderboard_there(
    bucket: buckets.Bucket, clips: Path, tmp_path: Path
) -> None:
    there = Store(f"s3://videos/{tmp_path.name}")
    for file in clips.iterdir():
        there.write(f"in/{file.name}", file.read_bytes())
    there.write("prompts.txt", b"a wave in colours\nstripes that move\n")
    shop = machine(tmp_path, "machine", f"{tmp_path.name}/store")
    shop.ok("run", "c", "--source", f"{there.root}/in", "--engine", "fake")
    asked = f"{there.root}/prompts.txt"
    shop.ok("retrieve", "c", asked, "-k", "2", "--out", f"{there.root}/hits.parquet",
            "--report", f"{there.root}/hits.html")  # fmt: skip
    shape = ("--engine", "fake", "--k", "2", "--size", "32x16", "--frames", "4")
    made = json.loads(shop.ok("generate", "c", asked, *shape, "--json").out)
    assert (made["done"], made["failed"]) == (2, {})
    measured = ("--metrics", "temporal_consistency,motion_smoothness_average", "--num-frames", "4")
    shop.ok("evaluate", made["run"], *measured, "--per-video", f"{there.root}/scores.parquet")
    theirs = json.loads(shop.ok("evaluate", f"{there.root}/in", *measured, "--json").out)
    assert [(m["method"], m["videos"], m["failed"]) for m in theirs["methods"]] == [("in", 4, 0)]
    shop.ok("leaderboard", "--out", f"{there.root}/board.html")
    shop.ok("report", made["run"], "--out", f"{there.root}/run/page.html")
    assert {"hits.parquet", "hits.html", "scores.parquet", "board.html"} <= {
        name.strip("/") for name in there.list_names("")
    }
    shown = re.findall(r'src="(page_files/[^"#]+)', there.read("run/page.html").decode())
    assert len(shown) == 2 and all(there.exists(f"run/{name}") for name in shown)
    assert not list(Path().glob("s3:*"))

    other = machine(tmp_path, "other", f"{tmp_path.name}/store")
    assert other.json("status", "c") == shop.json("status", "c")
    assert f"{other.json('status', 'c')['stages']['index']['videos']['done']}" == "4"
    assert made["run"] in other.ok("leaderboard").out
    assert uploads() == []
    assert holding(buckets.SECRET, there, tmp_path) == []


def holding(secret: str, store: Store, folder: Path) -> list[str]:
    """Objects of the store, and files and logs of the machines, that a secret is in."""
    objects = {name: store.fs.cat_file(name) for name in store.fs.find(store.path(""))}
    files = {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert objects and files
    return [name for name, held in (objects | files).items() if secret.encode() in held]


def test_duckdb_and_pyarrow_read_the_store_as_the_page_says(
    bucket: buckets.Bucket, shop: Shop
) -> None:
    import duckdb

    shop.ok(*EMBED)
    page = (REPOSITORY / "docs/operations.md").read_text()
    [said] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    there = str(shop.settings["ROOT"]).removeprefix("s3://")
    seen: dict = {}
    try:
        exec(said.replace("bucket/prefix/corpora/cats", f"{there}/corpora/c"), seen)
        frames, shards = dict(seen["frames"].fetchall()), seen["shards"].fetchall()
    finally:
        duckdb.unregister_filesystem("s3")
    ids = seen["videos"]["id"].to_pylist()
    assert len(ids) == 12 and frames.keys() < set(ids) and len(frames) == 11
    assert len(set(frames.values())) == 1 and min(frames.values()) > 1
    assert sorted(shard for shard, _, _ in shards) == ["000000", "000001", "000002"]
    assert sum(done for _, done, _ in shards) == 11
    [failed] = [one for _, _, failed in shards for one in failed]
    assert (failed["id"], failed["reason"]) == (*(set(ids) - frames.keys()), "undecodable")


def test_a_kill_in_mid_upload_leaves_nothing_to_see_and_the_next_run_completes(
    bucket: buckets.Bucket, shop: Shop, right: dict[str, bytes]
) -> None:
    runs: list[Run] = []

    def completes(asked: str) -> bool:
        """Of the second shard, whose parts are all there: the process dies, nobody completes it."""
        last = re.match(r"POST .*/shard-000001\.parquet\?uploadId", asked) is not None
        if last:
            wait_until(lambda: runs, "the run is known")
            os.kill(runs[0].pid, signal.SIGKILL)
        return last

    bucket.fault = completes
    runs.append(shop.start(*EMBED))
    assert runs[0].ended().code == -signal.SIGKILL
    bucket.fail(0)
    seen = vectors(store_of(shop))
    assert seen.items() <= right.items() and not any("000001" in name for name in seen)
    assert len(uploads()) == 1
    shop.ok(*EMBED)
    assert vectors(store_of(shop)) == right
    assert uploads() == []


def test_a_stage_gets_through_requests_that_are_throttled(
    bucket: buckets.Bucket, shop: Shop, right: dict[str, bytes]
) -> None:
    count = itertools.count(1)
    bucket.fault = lambda asked: next(count) % 6 == 0
    shop.ok(*EMBED)
    assert next(count) > 30
    assert vectors(store_of(shop)) == right


def test_a_machine_that_died_is_named_by_the_one_that_comes_next(
    bucket: buckets.Bucket, shop: Shop, tmp_path: Path
) -> None:
    run = shop.start(*EMBED)
    held = store_of(shop)
    wait_until(lambda: held.list_names("locks/corpora-c-embed"), "it works")
    run.kill()
    other = machine(tmp_path, "other", tmp_path.name, WAIT_S=0)
    said = other.run(*EMBED)
    assert said.code == 1 and f"process {run.pid} on" in said.err.splitlines()[-1]
    shop.ok(*EMBED)  # on the same machine nobody waits for the dead


def test_a_bucket_that_is_not_there_is_one_line(bucket: buckets.Bucket, tmp_path: Path) -> None:
    shop = machine(tmp_path, "machine", "x", ROOT="s3://nowhere")
    said = shop.run("ingest", SOURCE, "--corpus", "c")
    assert said.code == 1 and "Traceback" not in said.err
    assert "bucket" in said.err.splitlines()[-1]

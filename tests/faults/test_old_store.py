"""A store that 0.1.0 wrote opens, searches, resumes and is added to, with the same fingerprints."""

import json
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support import evidence
from support.commands import Shop
from support.paths import TESTS

STORE = TESTS / "stores" / "reelflow-0.1.0.zip"
FACTS: dict[str, Any] = json.loads(STORE.with_suffix(".json").read_text())
RUN = FACTS["run"]
SOURCE = "fake://12?undecodable=1&missing=1&timeout=1"
REPEATED = ("run", "old", "--source", SOURCE, "--engine", "fake")
PROMPTS = ("--prompt", "a red circle", "--prompt", "a blue star")
GENERATE = ("generate", "old", *PROMPTS, "--generator", "fake", "-k", "2")
EMBED = f"corpora/old/embed/{FACTS['fingerprints']['embed']}"
PATTERNS = ("**/receipts/*.json", "**/shard-*.parquet", "**/media/*")


@pytest.fixture
def old(tmp_path: Path) -> Shop:
    """The old store, unpacked."""
    shop = Shop(tmp_path, REAL_CANARY=1)  # as 0.1.0 embedded it
    with zipfile.ZipFile(STORE) as archive:
        archive.extractall(shop.root)
    return shop


@pytest.fixture(params=["its catalogue", "a catalogue rebuilt"])
def shop(request: pytest.FixtureRequest, old: Shop) -> Shop:
    """The same; in the second case nothing is known but what the store's files say."""
    if request.param == "a catalogue rebuilt":
        (old.root / "catalog.duckdb").unlink()
        evidence.workplace(old.root).rebuild_catalog()
    return old


def written(shop: Shop) -> dict[str, tuple[int, bytes]]:
    """All that is computed once: receipts, shards and videos, with the time of their writing."""
    files = {file for pattern in PATTERNS for file in shop.root.glob(pattern)}
    return {str(f.relative_to(shop.root)): (f.stat().st_mtime_ns, f.read_bytes()) for f in files}


def assert_the_hits_are_the_same(shop: Shop) -> None:
    for hit, before in zip(
        shop.json("search", "old", "a red circle", "-k", "3"), FACTS["search"], strict=True
    ):
        assert {name: hit[name] for name in before} == before | {
            "score": pytest.approx(before["score"], abs=1e-5)
        }


def test_it_opens_as_it_was(shop: Shop) -> None:
    assert_the_hits_are_the_same(shop)
    status = evidence.status(shop.root, "old")["stages"]
    assert {stage: counts["videos"] for stage, counts in status.items()} == FACTS["stages"]
    current = {stage: shop.root / "corpora/old" / stage / "current" for stage in ("embed", "pool")}
    assert {stage: file.read_text() for stage, file in current.items()} == {
        stage: FACTS["fingerprints"][stage] for stage in current
    }
    passport = shop.json("passport", FACTS["search"][0]["video_id"])
    assert [each["run"] for each in passport["influenced"]] == [RUN]
    evidence.assert_rebuilt_the_same(shop.root)


def test_the_same_commands_find_everything_done(shop: Shop) -> None:
    before = written(shop)
    shop.ok(*REPEATED)
    assert shop.json(*GENERATE)["run"] == RUN
    evaluation = shop.json(
        "evaluate", RUN, "--metrics", "temporal_consistency", "--num-frames", "all"
    )
    assert evaluation["evaluation"] == FACTS["evaluation"]["id"]
    for mean, before_it in zip(
        evaluation["methods"][0]["means"], FACTS["evaluation"]["means"], strict=True
    ):  # the interval's rule is another since
        assert {
            name: mean[name] for name in ("metric", "label", "better", "n", "mean")
        }.items() <= (before_it.items())
    fvd = shop.json("fvd", RUN, "--real", RUN, "--extractor", "pixel_stats", "--frames", "4")
    assert [fvd["distance"], fvd["protocol"]["features"]] == [
        FACTS["distance"]["id"], FACTS["distance"]["features"],
    ]  # fmt: skip
    assert fvd["kernel"] == pytest.approx(FACTS["distance"]["kernel"], abs=1e-6)
    after = written(shop)
    assert before.items() <= after.items(), "done anew"
    # Nobody had pooled the shard that `retry` added, in which nothing had gone through.
    added = {name for name in after.keys() - before.keys() if "/receipts/" in name}
    pool = f"corpora/old/pool/{FACTS['fingerprints']['pool']}"
    assert added == {f"{pool}/receipts/000003.json"}
    assert after.keys() - added == before.keys()
    versions = shop.root / "corpora/old/index" / FACTS["fingerprints"]["index"]
    assert [file.name for file in versions.glob("v*")] == [FACTS["index_version"]]
    evidence.assert_rebuilt_the_same(shop.root)


def test_what_0_1_0_had_not_finished_is_resumed(shop: Shop) -> None:
    """A shard of each stage has no receipt, as if its worker had been killed."""
    pool = EMBED.replace(
        FACTS["fingerprints"]["embed"], FACTS["fingerprints"]["pool"]
    ).replace("embed", "pool")  # fmt: skip
    lost = [f"{EMBED}/receipts/000001.json", f"{EMBED}/shard-000001.parquet",
            f"{pool}/receipts/000001.json", f"{pool}/shard-000001.parquet",
            f"generations/{RUN}/receipts/000000.json",
            f"generations/{RUN}/media/001.mp4", f"generations/{RUN}/media/001.json"]  # fmt: skip
    complete = written(shop)
    for name in lost:
        (shop.root / name).unlink()
    evidence.workplace(shop.root).rebuild_catalog()
    left = written(shop)
    shop.ok(*REPEATED)
    shop.ok(*GENERATE)
    after = written(shop)
    assert left.items() <= after.items(), "done anew"
    bytes_differ = {"media/001.json", "receipts/"}  # these name the time that the work took
    for name in lost:
        same = after[name][1] == complete[name][1]
        assert same or any(part in name for part in bytes_differ), name
    assert_the_hits_are_the_same(shop)


def test_a_retry_tries_what_failed_then(old: Shop) -> None:
    before = written(old)
    old.ok("retry", "old", "--reason", "timeout")
    added = written(old).keys() - before.keys()
    assert before.items() <= written(old).items()
    assert added == {f"{EMBED}/receipts/000004.json"}
    assert json.loads((old.root / EMBED / "receipts/000004.json").read_text())["attempt"] == 3


def test_a_new_source_is_added_and_indexed(old: Shop) -> None:
    before = written(old)
    more = ("run", "old", "--source", "fake://20?frames=8", "--engine", "fake")
    assert old.run(*more, dies=("during", f"{EMBED}/shard-*.parquet")).code == -signal.SIGKILL
    old.ok(*more)
    assert before.items() <= written(old).items(), "done anew"
    stages = evidence.status(old.root, "old")["stages"]
    # The first source's fault videos are now whole: they are files that changed.
    assert stages["index"]["videos"]["total"] >= 20
    assert stages["index"]["videos"]["done"] >= 9 + 8
    current = old.root / "corpora/old/index" / FACTS["fingerprints"]["index"] / "current"
    assert current.read_text() == "v0002"
    found = {hit["video_id"] for hit in old.json("search", "old", "a red circle", "-k", "20")}
    assert "fake-000019" in found
    assert len(found) >= 9 + 8
    evidence.assert_rebuilt_the_same(old.root)

"""Two machines on one store, each with a catalogue, a name and a clock of its own."""

import os
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.commands import Run, Shop, wait_until

from data.store.storage import Store

pytestmark = pytest.mark.timeout(600)

SHARDS = 3
SOURCE = "fake://6?undecodable=1&frames=60&seconds=1"  # time to interfere
RUN = ("run", "c", "--source", SOURCE, "--engine", "fake")
HOUR = 3600.0

Machine = Callable[..., Shop]


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store that several machines reach."""
    if request.param == "disk":
        return Store(str(tmp_path / "shared"))
    request.getfixturevalue("bucket")
    return Store(f"s3://videos/{tmp_path.name}")


@pytest.fixture
def machine(store: Store, tmp_path: Path) -> Machine:
    def made(name: str, ahead_s: float = 0.0) -> Shop:
        there = tmp_path / name
        there.mkdir()
        own = {"CATALOG": there / "catalog.duckdb", "HOST": name, "AHEAD_S": ahead_s}
        return Shop(there, ROOT=store.root, SHARD_SIZE=2, DECODERS=2, **own)

    return made


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed run leaves."""
    shop = Shop(tmp_path_factory.mktemp("undisturbed"), SHARD_SIZE=2)
    shop.ok(*RUN, DECODERS=6)
    return made(Store(str(shop.root)))


def found(store: Store, which: str) -> dict[str, bytes]:
    """The files of the corpus whose names match."""
    base = store.path("")
    names = [store.fs.unstrip_protocol(name) for name in store.fs.find(store.path("corpora/c"))]
    short = [name.removeprefix("file://").removeprefix(base) for name in names]
    return {name: store.read(name) for name in short if re.search(which, name)}


def made(store: Store) -> dict[str, bytes]:
    """Vectors, pooled vectors, and the index's ids and vectors."""
    return found(store, r"/(shard-\d+\.parquet|ids\.parquet|knn\.index|vectors\.npy)$")


def written(store: Store) -> dict[str, tuple[bytes, float]]:
    """Receipts of shards and what they stand for, with the time they were written."""
    files = found(store, r"/(embed|pool)/\w+/(receipts/|shard-)")
    return {name: (content, store.modified_at(name)) for name, content in files.items()}


def embedded_and_pooled(run: Run) -> tuple[int, int]:
    """The videos that a run says it embedded, and the shards that it says it pooled."""
    embedded = re.search(r"^embed: (\d+) done", run.out, re.MULTILINE)
    pooled = re.search(r"^pool: .*?(\d+) shards pooled", run.out, re.MULTILINE)
    return int(embedded[1]) if embedded else 0, int(pooled[1]) if pooled else 0


def test_two_schedulers_that_start_the_same_run_do_each_shard_once(
    store: Store, machine: Machine, right: dict[str, bytes]
) -> None:
    runs = [machine(name).start(*RUN) for name in ("alpha", "beta")]
    assert [run.ended().code for run in runs] == [0, 0], [run.err for run in runs]
    did = [embedded_and_pooled(run) for run in runs]
    assert [sum(some) for some in zip(*did, strict=True)] == [5, SHARDS], [run.out for run in runs]
    assert made(store) == right
    waited = [run.err for run in runs if "waiting for process" in run.err]
    assert all(re.search(r"waiting for process \d+ on \S+, which runs ", err) for err in waited)


def test_nor_do_two_prefects_each_with_a_server_of_its_own_do_a_shard_twice(
    tmp_path: Path, right: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    shared, runs, homes = Store(str(tmp_path / "shared")), [], []
    for name in ("alpha", "beta"):
        there = tmp_path / name
        homes.append(there / "prefect")
        homes[-1].mkdir(parents=True)
        monkeypatch.setenv("PREFECT_HOME", str(homes[-1]))
        shop = Shop(there, ROOT=shared.root, CATALOG=there / "catalog.duckdb", SHARD_SIZE=2)
        if not runs:
            shop.ok("ingest", SOURCE, "--corpus", "c")
        runs.append(shop.start_real("embed", "c", "--engine", "fake", PICTURED=0, DECODERS=3))
    assert [run.ended().code for run in runs] == [0, 0], [run.err for run in runs]
    did = re.findall(r"^(shards|done) +([1-9]\d*)", "".join(run.out for run in runs), re.MULTILINE)
    assert did == [("shards", "3"), ("done", "5")], "one of them, and once"
    vectors = {name: content for name, content in right.items() if "/embed/" in name}
    assert len(vectors) == SHARDS and made(shared) == vectors
    for home in homes:
        with closing(sqlite3.connect(home / "prefect.db")) as database:
            seen = database.execute("SELECT name, state_name FROM flow_run").fetchall()
        [(name, state)] = seen
        assert name == "embed-c" and state.startswith("Completed")  # "with failures" by who did it


@pytest.mark.parametrize("store", ["s3"], indirect=True)  # whose times are not this machine's
def test_what_was_cancelled_is_resumed_by_a_machine_whose_clock_is_hours_behind(
    store: Store, machine: Machine, right: dict[str, bytes]
) -> None:
    run = machine("alpha", HOUR).start(*RUN, DECODERS=1)  # time to be cancelled in
    wait_until(lambda: found(store, "/embed/.*/receipts/"), "a shard is done")
    os.kill(run.pid, signal.SIGINT)
    assert run.ended().code != 0
    before = written(store)
    assert 0 < len(before) < len([name for name in right if "/shard-" in name])
    beta = machine("beta", -HOUR)
    assert "waiting" not in beta.ok(*RUN, DECODERS=6).err
    assert before.items() <= written(store).items(), "done twice"
    assert made(store) == right
    status = beta.json("status", "c")["stages"]
    assert status["embed"]["videos"] == {"total": 6, "done": 5, "failed": 1, "missing": 0}

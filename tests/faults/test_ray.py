"""Workers that die or hang, and a Ray that dies: only what is at fault is lost."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import evidence
from support.commands import Run, Shop, children, runs, wait_until
from support.toys import Item, Toy, make_items

from data.outcome import Done, Failed
from engines.runners.ray.pool import ActorPool
from engines.runners.ray.runner import RayRunner

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600), pytest.mark.usefixtures("impatient")]

SOURCE = "fake://16?undecodable=1&frames=60&seconds=1"  # time to interfere
COMMAND = ("run", "c", "--source", SOURCE, "--engine", "fake")
EMBED = ("embed", "c", "--engine", "fake")


@pytest.fixture(scope="module")
def runner(ray_cluster: str) -> Iterator[RayRunner]:
    opened = RayRunner(1)
    yield opened
    opened.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a killed Ray ends after 5 s, not 60."""
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "5")


def reasons(outcomes: list) -> dict[str, str]:
    return {o.id: o.reason for o in outcomes if isinstance(o, Failed)}


def test_an_item_that_ends_two_workers_has_crashed_and_all_others_go_on(runner: RayRunner) -> None:
    items = make_items(12, i5="exit")
    outcomes = list(runner.map(Toy, items, 4))
    assert [o.id for o in outcomes] == [item.id for item in items]
    assert reasons(outcomes) == {"i5": "crashed"}


def test_a_worker_that_dies_once_costs_no_item(runner: RayRunner, tmp_path: Path) -> None:
    items = [*make_items(5), Item("once", "exit once", str(tmp_path / "died")), Item("last")]
    assert reasons(list(runner.map(Toy, items, 4))) == {}


def test_a_hang_past_the_deadline_is_ended_and_all_others_go_on(runner: RayRunner) -> None:
    outcomes = list(runner.map(partial(Toy, deadline_s=4.0), make_items(6, i2="hang"), 3))
    assert reasons(outcomes) == {"i2": "crashed"}
    assert "within 4 s" in next(o.detail for o in outcomes if isinstance(o, Failed))


def test_what_crashes_in_one_thread_is_not_held_against_another(runner: RayRunner) -> None:
    found: dict[str, dict[str, str]] = {}

    def ask(name: str, items: list[Item]) -> None:
        found[name] = reasons(list(runner.map(Toy, items, 4)))

    bad = [Item(f"bad{n}", "exit") for n in range(3)]
    good = [Item(f"good{n}", "slowly", "0.3") for n in range(8)]
    threads = [threading.Thread(target=ask, args=pair) for pair in (("a", bad), ("b", good))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"a": {item.id: "crashed" for item in bad}, "b": {}}


def test_a_suspect_is_not_blamed_for_a_worker_that_had_died_before_it_came(
    ray_cluster: str,
) -> None:
    """As where a node goes with all of its workers, and nobody has noticed of the second."""
    pool = ActorPool(Toy, 1, wait_s=600)
    try:
        [done] = pool.read_outcomes(pool.submit_extra([Item("first")]))
        os.kill(done.value[0], signal.SIGKILL)
        [done] = pool.read_outcomes(pool.submit_extra([Item("suspect")]))
        assert done.id == "suspect"
    finally:
        pool.close()


def test_closing_a_runner_ends_maps_under_way(ray_cluster: str) -> None:
    opened, ended = RayRunner(1), threading.Event()

    def ask(prefix: str) -> None:
        items = [Item(f"{prefix}{n}", "slowly", "0.5") for n in range(100)]
        try:
            for _ in opened.map(Toy, items, 2):
                begun.release()
        except RuntimeError:
            ended.set()

    begun = threading.Semaphore(0)
    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    assert begun.acquire(timeout=200)
    opened.close()
    for thread in threads:
        thread.join(60)
    assert ended.is_set() and not any(thread.is_alive() for thread in threads)


def until(true: Callable[[], Any], run: Run) -> Any:
    """What the condition gives once it holds, while the run is alive."""
    found = wait_until(lambda: true() or not run.alive(), "the run got so far")
    assert run.alive(), run.ended()
    return found


def below(run: Run) -> list[int]:
    """All processes of the run's Ray."""
    return children(run.pid, "ray")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shop = Shop(tmp_path_factory.mktemp("undisturbed"), SHARD_SIZE=2, DECODERS=8)
    shop.ok(*COMMAND)
    return shop.root


def test_the_command_as_users_run_it_survives_its_worker_and_its_own_death(
    undisturbed: Path, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, RUNNER="ray", SHARD_SIZE=2)
    shop.ok("ingest", SOURCE, "--corpus", "c")
    first = shop.start_real(*EMBED)
    count = len(until(lambda: evidence.committed(shop.root), first))
    os.kill(children(first.pid, "ray::EngineActor")[0], signal.SIGKILL)
    until(lambda: len(evidence.committed(shop.root)) >= count + 4, first)  # two shards more
    [server] = children(first.pid, "prefect.server.api")
    first.kill()
    wait_until(lambda: not runs(server), "Prefect's temporary server ended with it")
    before = evidence.committed(shop.root)
    again = shop.start_real(*EMBED).ended()
    assert again.code == 0, again.err
    for words in (("pool", "c"), ("index", "c")):
        shop.ok(*words)
    assert before.items() <= evidence.committed(shop.root).items()
    assert evidence.artifacts(shop.root) == evidence.artifacts(undisturbed)
    assert evidence.status(shop.root) == evidence.status(undisturbed)
    evidence.assert_rebuilt_the_same(shop.root)


def test_when_ray_dies_the_run_says_so_and_the_next_one_completes(
    undisturbed: Path, tmp_path: Path
) -> None:
    shop = Shop(tmp_path, RUNNER="ray", SHARD_SIZE=2)
    shop.ok("ingest", SOURCE, "--corpus", "c")
    run = shop.start(*EMBED)
    until(lambda: evidence.committed(shop.root), run)
    for pid in below(run):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    ended = run.ended()
    before = evidence.committed(shop.root)
    assert ended.code == 1
    last = ended.err.strip().splitlines()[-1]
    assert "GCS" in last or "Ray" in last or "worker" in last, last
    shop.ok("run", "c", "--engine", "fake", RUNNER="in_process", DECODERS=8)
    assert before.items() <= evidence.committed(shop.root).items()
    assert evidence.artifacts(shop.root) == evidence.artifacts(undisturbed)


def test_a_missing_weights_file_is_one_line(tmp_path: Path) -> None:
    shop = Shop(tmp_path, RUNNER="ray", SHARD_SIZE=2)
    shop.ok("ingest", SOURCE, "--corpus", "c")
    ended = shop.run("embed", "c", "--model", "ViT-B-32", "--weights", "/nowhere/weights.pt")
    assert ended.code == 1
    assert "no weights file /nowhere/weights.pt" in ended.err.strip().splitlines()[-1]


def test_outcomes_carry_what_the_worker_made(runner: RayRunner) -> None:
    values = {o.value[0] for o in runner.map(Toy, make_items(4), 2) if isinstance(o, Done)}
    assert os.getpid() not in values

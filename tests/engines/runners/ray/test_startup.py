"""Workers that Ray has no place for, and workers that die before they begin."""

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.toys import Item, Toy, make_items

from data.errors import UserError
from data.outcome import Done, Outcome
from engines.runners.ray import startup
from engines.runners.ray.runner import RayRunner

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]


@pytest.fixture
def two(ray_cluster: str) -> Iterator[RayRunner]:
    opened = RayRunner(2)
    yield opened
    opened.close()


def answers(runner: RayRunner, toy: partial[Toy]) -> list[Outcome]:
    found = list(runner.map(toy, make_items(12), 2))
    assert all(isinstance(outcome, Done) for outcome in found), found
    return found


def test_workers_larger_than_any_node_are_said_to_be_and_what_to_lower(ray_cluster: str) -> None:
    with closing(RayRunner(1, wait_s=1.0)) as opened:
        with pytest.raises(UserError, match="REELFLOW_CORES_PER_WORKER"):
            answers(opened, partial(Toy, cpus=1000))
        assert opened.waited_s > 0.9  # which nobody pays for


@pytest.mark.parametrize(("share", "workers", "working"), [(0.5, 4, 4), (1.0, 3, 2)])
def test_each_worker_has_its_share_of_a_gpu_and_no_more_than_there_are(
    ray_cluster: str, share: float, workers: int, working: int
) -> None:
    """On two GPUs that are declared; a worker that finds no place is done without."""
    items, gpus = [Item(f"i{n}", "name gpu") for n in range(16)], dict[int, str]()
    with closing(RayRunner(workers)) as opened:
        while len(gpus) < working:  # they come one after the other
            gpus |= dict(each.value for each in opened.map(partial(Toy, gpus=share), items, 1))
        gpus |= dict(each.value for each in opened.map(partial(Toy, gpus=share), items, 1))
    assert sorted(gpus.values()) == sorted("01" * (working // 2))


def test_those_who_have_a_place_work_without_those_who_have_none(
    two: RayRunner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import ray

    cores = ray.cluster_resources()["CPU"]
    monkeypatch.setattr(startup, "LOG_INTERVAL_S", 0.0)
    with caplog.at_level(logging.WARNING):
        found = answers(two, partial(Toy, cpus=cores))
    assert len({outcome.value for outcome in found if isinstance(outcome, Done)}) == 1
    assert f"{cores:g} cores" in caplog.text


def test_a_worker_that_dies_as_it_loads_is_no_fault_of_any_item(
    two: RayRunner, tmp_path: Path
) -> None:
    deadly = tmp_path / "deadly"
    deadly.write_bytes(b"x")
    answers(two, partial(Toy, deadly=str(deadly)))
    assert deadly.stat().st_size == 0


def test_a_death_long_after_another_worker_had_no_place_does_not_end_the_run(
    ray_cluster: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import ray

    cores = ray.cluster_resources()["CPU"]
    items = [*make_items(4), Item("once", "exit once", str(tmp_path / "died")), Item("last")]
    with closing(RayRunner(2, wait_s=300.0)) as opened:
        outcomes = opened.map(partial(Toy, cpus=cores), items, 1)
        first = next(outcomes)
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + 1000)
        monkeypatch.setattr(startup, "time", later)
        assert all(isinstance(outcome, Done) for outcome in [first, *outcomes])


def test_workers_that_all_die_as_they_load_end_the_run(two: RayRunner, tmp_path: Path) -> None:
    deadly = tmp_path / "deadly"
    deadly.write_bytes(b"x" * 100)
    with pytest.raises(UserError, match=r"3 tries.*REELFLOW_WORKERS"):
        answers(two, partial(Toy, deadly=str(deadly)))


def test_a_worker_that_hangs_as_it_loads_is_replaced(two: RayRunner, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()
    answers(two, partial(Toy, hangs=str(once), deadline_s=6.0))
    assert not once.exists()

"""A worker's process that dies or hangs: only what is at fault is lost, as on Ray."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import pytest
from support.toys import Item, Toy, make_items

from data.errors import UserError
from data.outcome import Done, Failed, Outcome
from engines.runners.process.runner import ProcessPool, ProcessRunner

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def runner() -> Iterator[ProcessRunner]:
    with closing(ProcessRunner()) as opened:
        yield opened


def find_reasons(outcomes: list[Outcome]) -> dict[str, str]:
    return {o.id: o.reason for o in outcomes if isinstance(o, Failed)}


def test_an_item_that_ends_two_workers_has_crashed_and_all_others_go_on(
    runner: ProcessRunner,
) -> None:
    items = make_items(12, i5="exit")
    outcomes = list(runner.map(Toy, items, 4))
    assert [o.id for o in outcomes] == [item.id for item in items]
    assert find_reasons(outcomes) == {"i5": "crashed"}
    assert os.getpid() not in {o.value[0] for o in outcomes if isinstance(o, Done)}


def test_a_worker_that_dies_once_costs_no_item(runner: ProcessRunner, tmp_path: Path) -> None:
    items = [*make_items(5), Item("once", "exit once", str(tmp_path / "died")), Item("last")]
    assert find_reasons(list(runner.map(Toy, items, 4))) == {}


def test_a_hang_past_the_deadline_is_ended_and_all_others_go_on(runner: ProcessRunner) -> None:
    outcomes = list(runner.map(partial(Toy, deadline_s=10.0), make_items(4, i2="hang"), 4))
    assert find_reasons(outcomes) == {"i2": "crashed"}
    assert "within 10 s" in next(o.detail for o in outcomes if isinstance(o, Failed))


def test_a_suspect_is_not_blamed_for_a_worker_that_had_died_before_it_came() -> None:
    with closing(ProcessPool(Toy)) as pool:
        [done] = pool.read_outcomes(pool.submit_extra([Item("first")]))
        os.kill(done.value[0], signal.SIGKILL)
        [done] = pool.read_outcomes(pool.submit_extra([Item("suspect")]))
        assert done.id == "suspect"


def test_workers_that_all_die_as_they_load_end_the_run(
    runner: ProcessRunner, tmp_path: Path
) -> None:
    deadly = tmp_path / "deadly"
    deadly.write_bytes(b"x" * 100)
    with pytest.raises(UserError, match="3 tries"):
        list(runner.map(partial(Toy, deadly=str(deadly)), make_items(2), 1))
    deadly.write_bytes(b"x")
    assert len(list(runner.map(partial(Toy, deadly=str(deadly)), make_items(2), 1))) == 2


def test_a_worker_that_hangs_as_it_loads_is_replaced(runner: ProcessRunner, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()
    make = partial(Toy, hangs=str(once), deadline_s=10.0)
    assert find_reasons(list(runner.map(make, make_items(2), 1))) == {}
    assert not once.exists()


def test_a_reader_that_leaves_ends_its_job(runner: ProcessRunner) -> None:
    slow = [Item(f"s{n}", "slowly", "0.2") for n in range(200)]
    outcomes = runner.map(Toy, slow, 200)
    next(outcomes)
    outcomes.close()
    [done] = runner.map(Toy, [Item("next")], 1)
    assert done.id == "next"


def test_closing_ends_maps_under_way_and_the_process() -> None:
    opened, ended, begun = ProcessRunner(), threading.Event(), threading.Semaphore(0)

    def ask(prefix: str) -> None:
        try:
            for _ in opened.map(Toy, [Item(f"{prefix}{n}", "slowly", "0.5") for n in range(99)], 2):
                begun.release()
        except RuntimeError:
            ended.set()

    before = set(psutil.Process().children())
    threads = [threading.Thread(target=ask, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    assert begun.acquire(timeout=60)
    opened.close()
    for thread in threads:
        thread.join(30)
    assert ended.is_set() and not any(thread.is_alive() for thread in threads)
    assert set(psutil.Process().children()) <= before


def test_an_error_that_cannot_be_read_here_is_told_by_its_text(runner: ProcessRunner) -> None:
    make = partial(Toy, deadline_s=60.0)
    with pytest.raises(RuntimeError, match="as told"):
        list(runner.map(make, make_items(2, i1="raise unreadable"), 2))


def test_answers_are_read_while_a_job_waits_to_be_sent() -> None:
    """Else two full sockets would wait for each other for ever."""
    with closing(ProcessPool(Toy)) as pool:
        job = pool.submit_extra(make_items(2))
        with job.worker._sending:
            kinds = [job.stream[1].get(timeout=30)[0] for _ in range(3)]
    assert kinds == ["outcome", "outcome", "end"]

"""What every runner promises; the in-process one defines it."""

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from support.toys import Item, Toy, make_items

from data.errors import UserError
from data.outcome import Done, Failed
from engines.base import Runner
from engines.runners.dask import DaskRunner
from engines.runners.in_process import InProcessRunner
from engines.runners.process.runner import ProcessRunner

RUNNERS = ["in_process", "dask", "process", pytest.param("ray", marks=pytest.mark.ray)]
WARM = [RUNNERS[0], *RUNNERS[2:]]  # Dask's tasks load an engine each

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module", params=RUNNERS)
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
        from engines.runners.ray.runner import RayRunner

        opened: Runner = RayRunner(2)
    else:
        makers = {"in_process": InProcessRunner, "process": ProcessRunner}
        opened = makers.get(request.param, partial(DaskRunner, 2))()
    yield opened
    opened.close()


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_each_item_has_one_outcome_in_the_items_order(runner: Runner, batch: int) -> None:
    items = make_items(10, i0="fail", i7="fail")
    outcomes = list(runner.map(Toy, items, batch))
    assert [o.id for o in outcomes] == [item.id for item in items]
    assert [o.id for o in outcomes if isinstance(o, Failed)] == ["i0", "i7"]
    assert all(o.reason == "undecodable" for o in outcomes if isinstance(o, Failed))


def test_no_items_no_outcomes(runner: Runner) -> None:
    assert list(runner.map(Toy, [], 4)) == []


@pytest.mark.parametrize("does", ["twice", "nothing", "another"])
def test_an_engine_that_miscounts_is_a_programming_error(runner: Runner, does: str) -> None:
    with pytest.raises(RuntimeError, match="outcome for"):
        list(runner.map(Toy, make_items(5, i3=does), 2))


def test_an_id_asked_twice_is_a_programming_error(runner: Runner) -> None:
    with pytest.raises(RuntimeError, match="twice"):
        list(runner.map(Toy, [Item("a"), Item("a")], 2))


def test_a_programming_error_raises(runner: Runner) -> None:
    with pytest.raises(ZeroDivisionError):
        list(runner.map(Toy, make_items(5, i3="raise"), 2))


def test_a_user_error_keeps_its_own_text(runner: Runner) -> None:
    with pytest.raises(UserError) as caught:
        list(runner.map(partial(Toy, unloadable="no weights: fetch them"), make_items(2), 2))
    assert str(caught.value) == "no weights: fetch them"


def test_items_are_read_only_a_little_ahead(runner: Runner) -> None:
    read = []

    def endless() -> Iterator[Item]:
        n = 0
        while True:
            read.append(n)
            yield Item(f"i{n}")
            n += 1

    outcomes = runner.map(Toy, endless(), 3)
    for _ in range(30):
        next(outcomes)
    assert len(read) <= 30 + 3 * 5, "two workers may have two batches each, and one is being made"
    outcomes.close()


def test_threads_share_a_runner_and_get_their_own_outcomes(runner: Runner) -> None:
    found: dict[str, list[str]] = {}

    def ask(name: str) -> None:
        items = [Item(f"{name}{n}") for n in range(20)]
        found[name] = [o.id for o in runner.map(Toy, items, 3)]

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: [f"{name}{n}" for n in range(20)] for name in "abcd"}


def test_a_reader_that_leaves_keeps_no_worker_busy(runner: Runner) -> None:
    for _ in range(6):
        outcomes = runner.map(Toy, make_items(40), 12)
        next(outcomes)
        outcomes.close()
    assert len(list(runner.map(Toy, make_items(40), 12))) == 40


@pytest.mark.parametrize("runner", WARM, indirect=True)
def test_equal_factories_share_engines_that_are_loaded_once(runner: Runner) -> None:
    engines: set[tuple[int, int]] = set()
    for _ in range(3):
        outcomes = runner.map(partial(Toy, deadline_s=50.0), make_items(12), 2)
        engines |= {o.value for o in outcomes if isinstance(o, Done)}
    assert {loads for _, loads in engines} == {1}
    assert len(engines) <= 2, "a third process"

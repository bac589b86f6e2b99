"""What Ray's workers log: told where their results are read, a few lines of each wording."""

import logging
import re
from collections import deque
from collections.abc import Iterator

import pytest
from support.toys import Toy, make_items

from engines.runners.ray.runner import RayRunner
from engines.runners.worker_logs import MAX_REPEATS, MAX_WAITING, WorkerLogHandler

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def runner(ray_cluster: str) -> Iterator[RayRunner]:
    opened = RayRunner(1)
    yield opened
    opened.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "engines.runners.worker_logs"]


def test_a_few_warnings_of_a_worker_are_told_with_its_name_and_every_outcome_comes(
    runner: RayRunner, caplog: pytest.LogCaptureFixture
) -> None:
    items = make_items(12, **{f"i{n}": "warn" for n in range(1, 9)})
    assert [o.id for o in runner.map(Toy, items, 4)] == [item.id for item in items]
    assert len(lines(caplog)) == MAX_REPEATS
    one = r"worker \d+ on \S+: i\d has no sound( \(.*\))?"
    assert all(re.fullmatch(one, line) for line in lines(caplog))
    assert sum(line.endswith(")") for line in lines(caplog)) == 1


def test_a_worker_that_is_lost_is_told_of(
    runner: RayRunner, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = list(runner.map(Toy, make_items(3, i1="exit"), 3))
    assert [o.id for o in outcomes] == ["i0", "i1", "i2"]
    assert any("replacing a worker" in message for message in caplog.messages)


def test_more_than_waits_for_one_outcome_leaves_the_newest() -> None:
    handler = WorkerLogHandler()
    for n in range(MAX_WAITING + 5):
        handler.handle(logging.LogRecord("toys", logging.WARNING, "", 1, f"wording {n}", (), None))
    assert [line.text for line in handler.drain_lines()] == [
        f"wording {n}" for n in range(5, MAX_WAITING + 5)
    ]
    assert list(handler.drain_lines()) == []


def test_lines_that_another_job_drained_meanwhile_are_no_error() -> None:
    class Seen(deque):  # as seen just before another thread took its last line
        def __bool__(self) -> bool:
            return True

    handler = WorkerLogHandler()
    handler._waiting = Seen()
    assert list(handler.drain_lines()) == []

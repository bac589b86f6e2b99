"""When a host's failures end a run, and when they are rows."""

import pytest

from data.errors import UserError
from data.outcome import Done, Failed
from tasks.host_tally import HostsGone, HostTally


def tally(good: int, bad: int, others: int = 0) -> HostTally:
    counted = HostTally()
    for n in range(good):
        counted.add_outcome(f"https://a/{n}", Done("x", 1))
    for n in range(bad):
        counted.add_outcome(f"https://a/{n}", Failed("x", "unreachable", "HTTP 503"))
    for n in range(others):
        counted.add_outcome(f"https://b/{n}", Failed("x", "undecodable", "noise"))
    return counted


@pytest.mark.parametrize(
    ("counted", "whole"),
    [(tally(0, 9, 1), True), (tally(1, 500), True), (tally(0, 10, 1000), True),
     (tally(0, 1), False), (tally(0, 0, 20), True)],
    ids=["few", "one came", "a small share", "what is left", "other faults"],
)  # fmt: skip
def test_rows(counted: HostTally, whole: bool) -> None:
    counted.require_hosts(0.05, "again", whole)


@pytest.mark.parametrize(
    ("counted", "whole"), [(tally(0, 10, 100), False), (tally(0, 1), True)], ids=["host", "source"]
)
def test_ends(counted: HostTally, whole: bool) -> None:
    with pytest.raises(UserError, match=r"https://a.*HTTP 503.*again"):
        counted.require_hosts(0.05, "again", whole)


def test_local_files_are_at_no_host() -> None:
    counted = HostTally()
    for n in range(20):
        counted.add(f"/videos/{n}.mp4", "no heartbeat")
    counted.require_hosts(0.0, "again", whole=True)


def test_what_other_hosts_delivered_is_said_with_the_error() -> None:
    with pytest.raises(HostsGone, match="gone for good") as error:
        tally(0, 10, 100).require_hosts(0.05, "again", summary={"done": 100})
    assert error.value.summary == {"done": 100}
    with pytest.raises(UserError) as nothing:
        tally(0, 20).require_hosts(0.05, "again")
    assert not isinstance(nothing.value, HostsGone)

"""How far work is, in a line."""

import time

import pytest

from tasks.progress import Progress, format_card, format_line


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time it is said to be."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_line_says_what_went_through_how_fast_and_how_long_it_will_take(clock) -> None:
    progress = Progress("embed", 10, 2.0, started=0.0)
    assert format_line(progress) == "embed 0/10 videos · 0.00 video-hours"
    progress.add(done=1, hours=0.2)  # after 100 s in which a model was loaded
    clock[0] = 110.0
    progress.add(done=3, failed=1, hours=0.8)
    said = "embed 5/10 videos · 1.00 video-hours · 2.5 s/video · 0:12 left · 1 failed"
    assert format_line(progress) == said
    first = "2.5 s/video · 0:12 left · 5/10 · 1 failed · 1.00 video-hours"
    assert format_card(progress) == first, "what a card cuts comes last"


@pytest.mark.parametrize(
    ("first", "more", "after_s"),
    [(1, 0, 60), (1, 5, 2), (1, 1, 30), (40, 0, 30), (0, 0, 60)],
    ids=["one", "a batch at once", "two", "found done already", "none"],
)
def test_what_means_nothing_yet_is_not_shown(clock, first: int, more: int, after_s: int) -> None:
    progress = Progress("embed", 100, started=0.0)
    progress.add(done=first)
    clock[0] += after_s
    progress.add(done=more)
    assert (progress.rate, progress.remaining_s) == (None, None)
    assert format_line(progress) == f"embed {first + more}/100 videos"


def test_once_all_is_through_the_rate_stays_and_nothing_is_left(clock) -> None:
    progress = Progress("pool", 20, started=90.0, unit="shard")
    progress.add(done=20)
    clock[0] = 1000.0
    assert format_line(progress) == "pool 20/20 shards · 2.0 shards/s"

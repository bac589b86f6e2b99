"""How far long work is, told to whoever listens: the terminal, or a flow run's log."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """Counts of one stage's run; threads add to it at once."""

    stage: str
    total: int
    total_hours: float = 0.0
    done: int = 0
    failed: int = 0
    hours: float = 0.0
    started: float = field(default_factory=time.monotonic)
    note: str = ""
    unit: str = "video"
    latest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, done: int = 0, failed: int = 0, hours: float = 0.0) -> None:
        with self._lock:
            self.done += done
            self.failed += failed
            self.hours += hours
            self.latest = time.monotonic()
        tell(self)

    @property
    def rate(self) -> float:
        """Videos a second since the start; once all are through, until the last was."""
        until = time.monotonic() if self.left else self.latest
        return self.through / max(until - self.started, 1e-9)

    @property
    def through(self) -> int:
        return self.done + self.failed

    @property
    def left(self) -> int:
        return max(self.total - self.through, 0)

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at this rate; None before anything, and once all, went through."""
        return self.left / self.rate if self.through and self.left else None


Listener = Callable[[Progress], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Calls the listener at every change, from whichever thread made it."""
    _listeners.append(listener)


def ignore(listener: Listener) -> None:
    """Calls the listener no more."""
    _listeners.remove(listener)


def tell(progress: Progress) -> None:
    """Calls every listener."""
    for listener in list(_listeners):
        listener(progress)


def say(text: str) -> None:
    """A line for the listeners and the log that is no count, as "waiting for process 7"."""
    log.info(text)
    tell(Progress("note", 0, note=text))


def line(progress: Progress) -> str:
    """As "embed 120/2,000 videos · 1.2 h · 35.1 videos/s · 0:53 left · 2 failed"."""
    if progress.note:
        return progress.note
    count = f"{progress.stage} {progress.through:,}/{progress.total:,} {progress.unit}s"
    return " · ".join([count, *_hours(progress), *_pace(progress), *_failed(progress)])


def card(progress: Progress) -> str:
    """As "35.1 videos/s · 0:53 left · 120/2,000 · …": of a card some 30 letters are seen."""
    count = f"{progress.through:,}/{progress.total:,}"
    return " · ".join([*_pace(progress), count, *_failed(progress), *_hours(progress)])


def _hours(progress: Progress) -> list[str]:
    there = progress.total_hours or progress.hours
    return [f"{progress.hours:,.2f} video-hours"] if there else []


def _pace(progress: Progress) -> list[str]:
    rate = [speed(progress.rate, progress.unit)] if progress.through else []
    left_s = progress.left_s
    return rate if left_s is None else [*rate, f"{clock(left_s)} left"]


def _failed(progress: Progress) -> list[str]:
    return [f"{progress.failed:,} failed"] if progress.failed else []


def speed(rate: float, unit: str = "video") -> str:
    """Videos a second, or the seconds of one where it takes longer."""
    slow = 0 < rate < 1
    return f"{1 / rate:,.1f} s a {unit}" if slow else f"{rate:,.1f} {unit}s/s"


def clock(seconds: float) -> str:
    """As 1:02:03, or 2:03 within the hour."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

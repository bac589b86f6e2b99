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
        publish_progress(self)

    @property
    def rate(self) -> float:
        """Videos a second since the start; once all are through, until the last was."""
        until = time.monotonic() if self.num_remaining else self.latest
        return self.num_processed / max(until - self.started, 1e-9)

    @property
    def num_processed(self) -> int:
        return self.done + self.failed

    @property
    def num_remaining(self) -> int:
        return max(self.total - self.num_processed, 0)

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the end at this rate; None before anything, and once all, went through."""
        return self.num_remaining / self.rate if self.num_processed and self.num_remaining else None


Listener = Callable[[Progress], None]
_listeners: list[Listener] = []


def add_listener(listener: Listener) -> None:
    """Calls the listener at every change, from whichever thread made it."""
    _listeners.append(listener)


def remove_listener(listener: Listener) -> None:
    """Calls the listener no more."""
    _listeners.remove(listener)


def publish_progress(progress: Progress) -> None:
    """Calls every listener."""
    for listener in list(_listeners):
        listener(progress)


def notify(text: str) -> None:
    """A line for the listeners and the log that is no count, as "waiting for process 7"."""
    log.info(text)
    publish_progress(Progress("note", 0, note=text))


def format_line(progress: Progress) -> str:
    """As "embed 120/2,000 videos · 1.2 h · 35.1 videos/s · 0:53 left · 2 failed"."""
    if progress.note:
        return progress.note
    count = f"{progress.stage} {progress.num_processed:,}/{progress.total:,} {progress.unit}s"
    return " · ".join(
        [count, *_format_hours(progress), *_format_pace(progress), *_format_failed(progress)]
    )


def format_card(progress: Progress) -> str:
    """As "35.1 videos/s · 0:53 left · 120/2,000 · …": of a card some 30 letters are seen."""
    count = f"{progress.num_processed:,}/{progress.total:,}"
    return " · ".join(
        [*_format_pace(progress), count, *_format_failed(progress), *_format_hours(progress)]
    )


def _format_hours(progress: Progress) -> list[str]:
    there = progress.total_hours or progress.hours
    return [f"{progress.hours:,.2f} video-hours"] if there else []


def _format_pace(progress: Progress) -> list[str]:
    rate = [format_rate(progress.rate, progress.unit)] if progress.num_processed else []
    left_s = progress.remaining_s
    return rate if left_s is None else [*rate, f"{format_clock(left_s)} left"]


def _format_failed(progress: Progress) -> list[str]:
    return [f"{progress.failed:,} failed"] if progress.failed else []


def format_rate(rate: float, unit: str = "video") -> str:
    """Videos a second, or the seconds of one where it takes longer."""
    slow = 0 < rate < 1
    return f"{1 / rate:,.1f} s a {unit}" if slow else f"{rate:,.1f} {unit}s/s"


def format_clock(seconds: float) -> str:
    """As 1:02:03, or 2:03 within the hour."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

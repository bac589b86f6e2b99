"""Progress of long work, published to listeners: the terminal, or a flow run's page."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# What has to have passed since the first item before a rate means something: until then it is made
# of the workers' start, or of the items that one batch brought at once.
STEADY_S, STEADY_ITEMS = 10.0, 2

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """The counts of one stage's run; threads may add to it at the same time."""

    stage: str
    total: int
    total_hours: float = 0.0
    done: int = 0
    failed: int = 0
    hours: float = 0.0
    started: float = field(default_factory=time.monotonic)  # a clock that nobody can set back
    note: str = ""
    unit: str = "video"
    latest: float = 0.0
    first: float = 0.0
    num_first: int = 0  # items that came first, together
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, done: int = 0, failed: int = 0, hours: float = 0.0) -> None:
        """Adds to the counts, and publishes them."""
        with self._lock:
            self.done += done
            self.failed += failed
            self.hours += hours
            self.latest = time.monotonic()
            if not self.num_first:
                self.first, self.num_first = self.latest, self.num_processed
        publish_progress(self)  # outside the lock: a listener may take its time, or read `rate`

    @property
    def rate(self) -> float | None:
        """Items a second: since the first one, or from start to end once all are processed.

        None before the first item, and until the rate has become steady.
        """
        # The rate of a finished stage must not sink while its page is still looked at.
        if self.num_processed and not self.num_remaining:
            return self.num_processed / max(self.latest - self.started, 1e-9)
        seconds, items = time.monotonic() - self.first, self.num_processed - self.num_first
        return items / seconds if items >= STEADY_ITEMS and seconds >= STEADY_S else None

    @property
    def num_processed(self) -> int:
        return self.done + self.failed

    @property
    def num_remaining(self) -> int:
        return max(self.total - self.num_processed, 0)

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the end at this rate; None without one, and after the last item."""
        return self.num_remaining / self.rate if self.rate and self.num_remaining else None


Listener = Callable[[Progress], None]
_listeners: list[Listener] = []


def add_listener(listener: Listener) -> None:
    """Calls the listener at every change, in the thread that made it."""
    _listeners.append(listener)


def remove_listener(listener: Listener) -> None:
    """Stops calling the listener."""
    _listeners.remove(listener)


def publish_progress(progress: Progress) -> None:
    """Calls every listener with the progress."""
    # A copy, since another thread may add or remove listeners meanwhile.
    for listener in list(_listeners):
        listener(progress)


def notify(text: str) -> None:
    """Sends a message to the log and the listeners, as "waiting for process 7"."""
    log.info(text)
    publish_progress(Progress("note", 0, note=text))


def format_line(progress: Progress) -> str:
    """One line, as "embed 120/2,000 videos · 1.2 h · 35.1 videos/s · 0:53 left · 2 failed"."""
    if progress.note:
        return progress.note
    count = f"{progress.stage} {progress.num_processed:,}/{progress.total:,} {progress.unit}s"
    return " · ".join(
        [count, *_format_hours(progress), *_format_pace(progress), *_format_failed(progress)]
    )


def format_card(progress: Progress) -> str:
    """One line for a card, as "35.1 videos/s · 0:53 left · 120/2,000 · …"."""
    # Speed first: Prefect's cards show some 30 characters.
    count = f"{progress.num_processed:,}/{progress.total:,}"
    return " · ".join(
        [*_format_pace(progress), count, *_format_failed(progress), *_format_hours(progress)]
    )


def _format_hours(progress: Progress) -> list[str]:
    has_hours = progress.total_hours or progress.hours
    return [f"{progress.hours:,.2f} video-hours"] if has_hours else []


def _format_pace(progress: Progress) -> list[str]:
    rate = [format_rate(progress.rate, progress.unit)] if progress.rate else []
    left_s = progress.remaining_s
    return rate if left_s is None else [*rate, f"{format_clock(left_s)} left"]


def _format_failed(progress: Progress) -> list[str]:
    return [f"{progress.failed:,} failed"] if progress.failed else []


def format_rate(rate: float, unit: str = "video") -> str:
    """A rate as items per second, or as seconds per item where one takes longer."""
    is_slow = 0 < rate < 1
    return f"{1 / rate:,.1f} s/{unit}" if is_slow else f"{rate:,.1f} {unit}s/s"


def format_clock(seconds: float) -> str:
    """Seconds as 1:02:03, or as 2:03 below an hour."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

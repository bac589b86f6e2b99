"""Answers in the order of the questions, however they come in: bounded, given up at any time."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from data.outcome import Outcome
from engines.video.frames import Frames
from engines.video.guard.protocol import Header


class Cancelled(Exception):
    """Nobody waits for the answers any more."""


@dataclass(slots=True, eq=False)
class Job:
    """One question, and the answers that nobody has fetched yet."""

    id: str
    item: Any
    request: Header
    done: Callable[[Header], Any]
    events: deque[Frames | Outcome] = field(default_factory=deque)
    held: int = 0  # frames in `events`
    last: int = -1  # index of the last frame put
    ended: bool = False


class Line:
    """The jobs of one call. Workers `start` jobs and `put` answers; the caller empties the head.

    Answers beyond the head's hold at most `room` frames a job and `workers` × `room` in all; the
    head has `room` of its own, so it always moves on.
    """

    def __init__(self, workers: int, room: int) -> None:
        self.room, self.total = room, workers * room
        self.jobs: deque[Job] = deque()
        self.waiting: deque[Job] = deque()
        self.cancelled = False
        self.error: BaseException | None = None
        self.changed = threading.Condition()

    def add(self, job: Job) -> None:
        """Puts a job at the end of the line."""
        with self.changed:
            self.jobs.append(job)
            self.waiting.append(job)
            self.changed.notify_all()

    def ready(self) -> bool:
        """Waits for a job to start; False once there will be none."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting or self.cancelled)
            return not self.cancelled

    def start(self) -> Job | None:
        """The first job nobody has started, if any."""
        with self.changed:
            return self.waiting.popleft() if self.waiting and not self.cancelled else None

    def put(self, job: Job, frames: Frames) -> None:
        """Adds frames to a job's answers, once there is room."""
        count = len(frames.index)
        with self.changed:
            self.changed.wait_for(lambda: self.cancelled or self._room(job, count))
            if self.cancelled:
                raise Cancelled
            job.events.append(frames)
            job.held += count
            job.last = int(frames.index[-1])
            self.changed.notify_all()

    def _room(self, job: Job, count: int) -> bool:
        own = not job.held or job.held + count <= self.room
        held = sum(other.held for other in self.jobs)
        return own and (job is self.jobs[0] or held + count <= self.total)

    def end(self, job: Job, outcome: Outcome) -> None:
        """Gives a job its last answer."""
        with self.changed:
            job.events.append(outcome)
            job.ended = True
            self.changed.notify_all()

    def cancel(self, error: BaseException | None = None) -> None:
        """Ends all waiting; the caller gets `error`."""
        with self.changed:
            self.cancelled, self.error = True, self.error or error
            self.changed.notify_all()

    def head(self) -> Iterator[tuple[Job, Frames | Outcome]]:
        """The first job with each of its answers as they come; then it leaves the line."""
        job = self.jobs[0]
        while True:
            with self.changed:
                self.changed.wait_for(lambda: job.events or self.cancelled)
                if self.cancelled:
                    raise self.error or Cancelled
                event = job.events.popleft()
                job.held -= len(event.index) if isinstance(event, Frames) else 0
                if job.ended and not job.events:
                    self.jobs.popleft()
                self.changed.notify_all()
            yield job, event
            if not isinstance(event, Frames):
                return

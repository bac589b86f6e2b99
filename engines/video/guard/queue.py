"""A job queue whose answers come out in order, within a bound of frames, and can be cancelled."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from data.outcome import Outcome
from engines.video.frames import Frames
from engines.video.guard.protocol import Header


class Cancelled(Exception):
    """The caller no longer waits for the answers."""


@dataclass(slots=True, eq=False)
class Job:
    """One request, and those of its answers that have not been fetched yet."""

    id: str
    item: Any
    request: Header
    parse: Callable[[Header], Any]
    events: deque[Frames | Outcome] = field(default_factory=deque)
    held: int = 0  # frames in `events`
    last: int = -1  # index of the last frame put
    ended: bool = False


class JobQueue:
    """The jobs of one call: threads start jobs and put answers, the caller drains the first job.

    A job holds at most `capacity` frames, and the jobs behind the first `workers` x `capacity` in
    all. The first has a capacity of its own: were it shared, jobs behind it could fill it, and
    nothing would move.
    """

    def __init__(self, workers: int, capacity: int) -> None:
        self.capacity, self.total = capacity, workers * capacity
        self.jobs: deque[Job] = deque()
        self.waiting: deque[Job] = deque()
        self.cancelled = False
        self.error: BaseException | None = None
        self.changed = threading.Condition()

    def add(self, job: Job) -> None:
        """Appends a job."""
        with self.changed:
            self.jobs.append(job)
            self.waiting.append(job)
            self.changed.notify_all()

    def wait_for_job(self) -> bool:
        """Waits until a job can be started; False once the queue is cancelled."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting or self.cancelled)
            return not self.cancelled

    def start_next(self) -> Job | None:
        """The first job that has not been started, if any."""
        with self.changed:
            return self.waiting.popleft() if self.waiting and not self.cancelled else None

    def put(self, job: Job, frames: Frames) -> None:
        """Adds frames to a job's answers, once there is room; Cancelled where nobody waits."""
        count = len(frames.index)
        with self.changed:
            self.changed.wait_for(lambda: self.cancelled or self._has_room(job, count))
            if self.cancelled:
                raise Cancelled
            job.events.append(frames)
            job.held += count
            job.last = int(frames.index[-1])
            self.changed.notify_all()

    def _has_room(self, job: Job, count: int) -> bool:
        own = not job.held or job.held + count <= self.capacity
        held = sum(other.held for other in self.jobs)
        return own and (job is self.jobs[0] or held + count <= self.total)

    def finish(self, job: Job, outcome: Outcome) -> None:
        """Gives a job its last answer."""
        with self.changed:
            job.events.append(outcome)
            job.ended = True
            self.changed.notify_all()

    def cancel(self, error: BaseException | None = None) -> None:
        """Ends all waiting; the caller gets `error`, the first one where there are several."""
        with self.changed:
            self.cancelled, self.error = True, self.error or error
            self.changed.notify_all()

    def drain_first(self) -> Iterator[tuple[Job, Frames | Outcome]]:
        """The first job with each of its answers as they come; then it leaves the queue."""
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

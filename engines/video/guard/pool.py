"""The children of a guard, lent to whoever has a video to decode."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from engines.video.guard.child import Child
from engines.video.guard.queue import Cancelled, Line


class Crew:
    """At most `size` children, and one more for a call that would have none.

    That one stays: started anew for each video (2 s of imports) it took 10 times the CPU.
    """

    def __init__(self, size: int, deadline_s: float) -> None:
        self.size, self.deadline_s = size, deadline_s
        self._spawner = ThreadPoolExecutor(1, "guard-spawner")
        self._changed = threading.Condition()
        self._idle: list[Child] = []
        self._busy: dict[Child, Line] = {}
        self._closed = False

    @contextmanager
    def lend(self, line: Line) -> Iterator[Child]:
        """A child for one job of `line`, once there is one; `Cancelled` when nobody waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._may_start(line))
            self._refuse(line)
            child = self._idle.pop() if self._idle else self._new()
            self._busy[child] = line
        try:
            yield child
        finally:
            with self._changed:
                del self._busy[child]
                spare = self._closed or len(self._idle) + len(self._busy) > self.size
                if not spare:
                    self._idle.append(child)
                self._changed.notify_all()
            if spare:
                child.discard()

    def leave(self, line: Line, error: BaseException | None = None) -> None:
        """Ends a line and whatever works for it."""
        with self._changed:
            line.cancel(error)
            for child, owner in self._busy.items():
                if owner is line:
                    child.end()
            self._changed.notify_all()

    def close(self) -> None:
        """Ends all children at once."""
        with self._changed:
            self._closed = True
            for line in set(self._busy.values()):
                self.leave(line, RuntimeError("the guard was closed"))
            idle, self._idle = self._idle, []
        for child in idle:
            child.discard()
        self._spawner.shutdown()

    def _may_start(self, line: Line) -> bool:
        # A call without a child may always have one: none waits for another's consumer.
        alone = line not in self._busy.values()
        free = alone or len(self._busy) < self.size
        return free or line.cancelled or self._closed

    def _refuse(self, line: Line) -> None:
        if self._closed:
            line.cancel(RuntimeError("the guard was closed"))
        if line.cancelled:
            raise Cancelled

    def _new(self) -> Child:
        return Child(self._spawner, self.deadline_s)

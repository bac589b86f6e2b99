"""A flow run's progress where its page shows it, while it runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext

from tasks.progress import Progress, card, ignore, listen
from tasks.ui.artifacts import key_of

FIRST_S = 1.0
EVERY_S = 10.0  # each showing is a write to Prefect's database


@contextmanager
def watched(kind: str, subject: str) -> Iterator[None]:
    """Shows the progress of a stage as an artifact of the flow run, where there is one.

    A stage that has nothing to do shows none.
    """
    if FlowRunContext.get() is None:
        yield
        return
    shown = _Shown(kind, key_of(f"{kind}-progress", subject))
    thread = threading.Thread(target=copy_context().run, args=(shown.follow,), daemon=True)
    listen(shown)
    thread.start()
    try:
        yield
    finally:
        ignore(shown)
        shown.ended.set()
        thread.join()
        shown.show()


class _Shown:
    """One artifact, made when there is something to show."""

    def __init__(self, kind: str, key: str) -> None:
        self._kind, self._key = kind, key
        self._newest: Progress | None = None
        self._artifact: UUID | None = None
        self.ended = threading.Event()

    def __call__(self, progress: Progress) -> None:
        if progress.stage == self._kind:
            self._newest = progress

    def follow(self) -> None:
        """Shows it now and then, until it has ended."""
        wait_s = FIRST_S
        while not self.ended.wait(wait_s):
            self.show()
            wait_s = EVERY_S if self._artifact else FIRST_S

    def show(self) -> None:
        if self._newest is None:
            return
        now, said = share(self._newest), card(self._newest)
        if self._artifact is None:
            made = create_progress_artifact(now, self._key, said)
            assert isinstance(made, UUID)
            self._artifact = made
        else:
            update_progress_artifact(self._artifact, now, said)


def share(progress: Progress) -> float:
    """How much of the work is through, in percent."""
    return min(100.0, 100.0 * progress.through / progress.total) if progress.total else 0.0

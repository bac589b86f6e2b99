"""A flow run's progress as an artifact on its page, updated while it runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext

from tasks.artifact_key import artifact_key
from tasks.progress import Progress, add_listener, format_card, remove_listener
from tasks.ui.delivery import deliver

FIRST_S = 1.0
EVERY_S = 10.0  # each update is a write to Prefect's database


@contextmanager
def show_progress(kind: str, subject: str) -> Iterator[None]:
    """Publishes a stage's progress as an artifact while the block runs, within a flow run.

    A stage that has nothing to do publishes none.
    """
    if FlowRunContext.get() is None:
        yield
        return
    artifact = _ProgressArtifact(kind, artifact_key(f"{kind}-progress", subject))
    # The context says to Prefect which flow run the artifact belongs to.
    thread = threading.Thread(target=copy_context().run, args=(artifact.follow,), daemon=True)
    add_listener(artifact)
    thread.start()
    try:
        yield
    finally:
        remove_listener(artifact)
        artifact.ended.set()
        thread.join()
        artifact.update()  # the last counts, also those of a run that took less than a second


class _ProgressArtifact:
    """One progress artifact, created when there is something to show."""

    def __init__(self, kind: str, key: str) -> None:
        self._kind, self._key = kind, key
        self._newest: Progress | None = None
        self._artifact: UUID | None = None
        self.ended = threading.Event()

    def __call__(self, progress: Progress) -> None:
        if progress.stage == self._kind:
            self._newest = progress

    def follow(self) -> None:
        """Updates the artifact from time to time, until the stage has ended."""
        wait_s = FIRST_S
        while not self.ended.wait(wait_s):
            self.update()
            wait_s = EVERY_S if self._artifact else FIRST_S

    def update(self) -> None:
        """Creates or updates the artifact with the newest counts."""
        if self._newest is None:
            return
        percent, card = compute_percent(self._newest), format_card(self._newest)
        if self._artifact is None:
            artifact = deliver(create_progress_artifact, percent, self._key, card, waits_s=())
            assert artifact is None or isinstance(artifact, UUID)  # its type allows a coroutine
            self._artifact = artifact
        else:  # newer counts follow: these are not worth waiting for
            deliver(update_progress_artifact, self._artifact, percent, card, waits_s=())


def compute_percent(progress: Progress) -> float:
    """Computes the share of the work that has succeeded or failed, in percent."""
    return min(100.0, 100.0 * progress.num_processed / progress.total) if progress.total else 0.0

"""A flow run's progress where its page shows it, while it runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext

from tasks.progress import Progress, ignore, line, listen
from tasks.report import key_of

EVERY_S = 10.0  # each update is a write to Prefect's database


@contextmanager
def watched(kind: str, subject: str) -> Iterator[None]:
    """Shows the progress of a stage as an artifact of the flow run, where there is one."""
    if FlowRunContext.get() is None:
        yield
        return
    newest: list[Progress] = []

    def note(progress: Progress) -> None:
        if progress.stage == kind:
            newest[:] = [progress]

    artifact = create_progress_artifact(0.0, key_of(f"{kind}-progress", subject), "not begun")
    assert isinstance(artifact, UUID)
    ended = threading.Event()

    def update() -> None:
        while not ended.wait(EVERY_S):
            show()

    def show() -> None:
        if newest:
            update_progress_artifact(artifact, share(newest[0]), line(newest[0]))

    thread = threading.Thread(target=copy_context().run, args=(update,), daemon=True)
    listen(note)
    thread.start()
    try:
        yield
    finally:
        ignore(note)
        ended.set()
        thread.join()
        show()


def share(progress: Progress) -> float:
    """How much of the work is through, in percent."""
    through = progress.done + progress.failed
    return min(100.0, 100.0 * through / progress.total) if progress.total else 0.0

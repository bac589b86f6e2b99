"""A backfill's windows on workers: some under way at once, within a budget, as its page shows."""

from collections import deque
from collections.abc import Iterator

from prefect.futures import PrefectFuture

from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.workspace import Workspace
from tasks.cost import held_hours
from tasks.embed.backfill import Budget
from tasks.embed.child_runs import cancel_own, run_window
from tasks.progress import Progress, tell
from tasks.shutdown import ends_soon
from tasks.ui.live import watched
from tasks.workers import embed_workers


def run_windows(
    workspace: Workspace, stage: Stage, spec: EmbedSpec, waiting: Iterator[list[str]],
    budget: Budget, at_once: int, expected: int,
) -> tuple[int, Exception | None]:  # fmt: skip
    """Every window as a child run, `at_once` of them under way: how many, and what ended them.

    After one that did not complete none begins, and those under way come to their end.
    """
    flying: deque[PrefectFuture] = deque()
    begun, workers, errors = 0, embed_workers(workspace.settings), list[Exception]()
    progress = Progress("backfill", expected, unit="window")

    def took(seconds: float) -> None:
        budget.add(held_hours(workspace.settings, seconds, workers))

    def land() -> None:
        try:
            flying.popleft().result()
            progress.add(done=1)
        except Exception as error:
            errors.append(error)
            progress.add(failed=1)

    with watched("backfill", stage.corpus), ends_soon(cancel_own):
        while not errors and (shards := next(waiting, None)) is not None:
            if not begun:
                tell(progress)
            about = {"corpus": stage.corpus, "spec": spec.model_dump(), "shards": shards}
            name, of = f"{shards[0]}-{shards[-1]}", (stage.fingerprint, workspace.store.root)
            flying.append(run_window.submit(name, about, *of, took))
            begun += 1
            if len(flying) >= at_once:
                land()
        while flying:
            land()
    return begun, errors[0] if errors else None

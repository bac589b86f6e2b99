"""The windows of a backfill as child runs: several at once, within a budget."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from prefect import task
from prefect.futures import PrefectFuture

from data.shards.stages import Stage
from data.specs.pipeline import EmbedSpec
from data.stamps import hash_json
from data.workspace import Workspace
from tasks.cost import compute_hours
from tasks.embed.backfill import Budget
from tasks.embed.child_runs import (
    RETRY_OPTIONS,
    cancel_children,
    read_held_s,
    require_completed,
    run_child,
    windows_tag,
)
from tasks.progress import Progress, publish_progress
from tasks.service.shutdown import exit_on_termination
from tasks.ui.live import show_progress
from tasks.workers import count_workers


@task(name="window", task_run_name="window-{name}", **RETRY_OPTIONS)
def run_window(
    name: str, parameters: dict[str, Any], fingerprint: str, root: str,
    add_seconds: Callable[[float], object],
) -> None:  # fmt: skip
    """Runs a window as a child run and waits for it; raises where it did not complete.

    `add_seconds` gets the seconds for which each attempt held workers, failed ones too.
    """
    key = f"embed:{fingerprint}:{hash_json(parameters['shards'])[:12]}"
    title = f"embed-window-{parameters['corpus']}-{name}"
    tags = [windows_tag(root, parameters["corpus"])]
    run = run_child("embed-window/embed-window", title, parameters, key, tags)
    # Before the check: a failed attempt held its workers too, and counts against the budget.
    add_seconds(read_held_s(run))
    require_completed(run, title)


def run_windows(
    workspace: Workspace, stage: Stage, spec: EmbedSpec, windows: Iterator[list[str]],
    budget: Budget, at_once: int, expected: int,
) -> tuple[int, Exception | None]:  # fmt: skip
    """Runs every window as a child run, `at_once` at a time; how many, and the first error.

    After a window that did not complete none is started; those in flight are waited for.
    """
    in_flight: deque[PrefectFuture[None]] = deque()
    started, workers, errors = 0, count_workers(workspace.settings), list[Exception]()
    progress = Progress("backfill", expected, unit="window")

    def spend_seconds(seconds: float) -> None:
        budget.add(compute_hours(workspace.settings, seconds, workers))

    def collect_oldest() -> None:
        try:
            in_flight.popleft().result()
            progress.add(done=1)
        except Exception as error:
            errors.append(error)
            progress.add(failed=1)

    # The child runs have processes of their own, which would outlive this one.
    with show_progress("backfill", stage.corpus), exit_on_termination(cancel_children):
        while not errors and (shards := next(windows, None)) is not None:
            if not started:
                publish_progress(progress)
            parameters = {"corpus": stage.corpus, "spec": spec.model_dump(), "shards": shards}
            name, root = f"{shards[0]}-{shards[-1]}", workspace.store.root
            in_flight.append(
                run_window.submit(name, parameters, stage.fingerprint, root, spend_seconds)
            )
            started += 1
            if len(in_flight) >= at_once:
                collect_oldest()
        while in_flight:
            collect_oldest()
    return started, errors[0] if errors else None

"""The one loop of every sharded stage: a list in, an engine's outcomes through a writer, a receipt.

`run_shard` works on one shard, `run_shards` on many at once, each as a Prefect task.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture

from data.errors import UserError
from data.outcome import Done, Outcome
from data.shards.lists import read_shard
from data.shards.receipts import Receipt, Seconds, write_receipt
from engines.base import Engine, Runner
from tasks.progress import Progress
from tasks.signed_links import restore_links
from tasks.stage_run import Item, Result, Row, StageRun

log = logging.getLogger(__name__)

AT_ONCE = 32  # most shards in flight; each is a thread that waits
RETRIES = 1  # of a shard within its run; the next run takes up what is left
MERGE_EVERY_S = 10.0  # seldom enough that merging stays far below the work it records


def run_items(
    runner: Runner, make: Callable[[], Engine[Item, Result]], items: Sequence[Item], batch: int,
    progress: Progress, hours: Callable[[Item, Outcome[Result]], float] = lambda item, outcome: 0.0,
) -> Iterator[tuple[Item, Outcome[Result]]]:  # fmt: skip
    """Each item with its outcome, in whichever order they come; counted once it was taken."""
    by_id = {item.id: item for item in items}
    for outcome in runner.map(make, [restore_links(item) for item in items], batch):
        item = by_id[outcome.id]
        yield item, outcome
        done = isinstance(outcome, Done)
        progress.add(done=int(done), failed=int(not done), hours=hours(item, outcome))


def run_shard(run: StageRun[Item, Result, Row], shard: str) -> Receipt[Row]:
    """Works through a shard's items, writes their results, then the receipt: in that order."""
    started, write_s = time.perf_counter(), 0.0
    planned = read_shard(run.store, run.folder, shard, run.read_item)
    rows: dict[str, Row] = {}
    with run.open_writer(planned) as writer:
        for item in planned.items:
            if (row := writer.find_row(item)) is not None:
                rows[item.id] = row
        if rows:
            run.progress.add(done=len(rows))
        left = {item.id: item for item in planned.items if item.id not in rows}
        inputs = [run.to_input(item) for item in left.values()]
        work = run_items(run.runner, run.make, inputs, run.batch, run.progress, run.count_hours)
        for given, outcome in work:
            before = time.perf_counter()
            rows[given.id] = writer.write(left[given.id], outcome)
            write_s += time.perf_counter() - before
        finishing = time.perf_counter()
    ended = time.perf_counter()
    seconds = Seconds(wall=ended - started, write=write_s + ended - finishing, **writer.seconds)
    receipt = Receipt(
        shard, planned.attempt, run.version, tuple(rows[item.id] for item in planned.items),
        seconds, run.workers, run.decoders, dict(writer.caches),
    )  # fmt: skip
    write_receipt(run.store, run.folder, receipt)
    log_receipt(run.stage, receipt)
    return receipt


def _is_worth_retrying(task: Any, run: Any, state: Any) -> bool:
    """Not where somebody has to fix something first: a full disk, rights, a missing file."""
    try:
        state.result()
    except UserError:
        return False
    except Exception:
        return True
    return True


@task(
    name="shard", task_run_name="{run.stage}-{shard}", cache_policy=NO_CACHE,
    persist_result=False, retries=RETRIES, retry_delay_seconds=5,
    retry_condition_fn=_is_worth_retrying,
)  # fmt: skip
def shard_task(run: StageRun[Any, Any, Any], shard: str) -> Receipt[Any]:
    """`run_shard` as a task of the flow run; the receipt is its cache."""
    return run_shard(run, shard)


def run_shards(
    run: StageRun[Any, Any, Row],
    shards: Sequence[str],
    add: Callable[[Receipt[Row]], None] = lambda receipt: None,
    merge: Callable[[], None] = lambda: None,
) -> None:
    """Runs every shard, two a worker at once, and hands each receipt to `add`, in their order.

    A failing shard does not stop the others, except on a UserError, which somebody has to fix
    first. `merge` is called now and then, and at the end.
    """
    try:
        _run_window(run, shards, min(2 * run.workers, AT_ONCE), add, merge)
    finally:
        merge()


def _run_window(
    run: StageRun[Any, Any, Row], shards: Sequence[str], at_once: int,
    add: Callable[[Receipt[Row]], None], merge: Callable[[], None],
) -> None:  # fmt: skip
    in_flight: deque[PrefectFuture] = deque()
    errors: list[Exception] = []
    merged = time.monotonic()
    for shard in [*shards, *[None] * at_once]:
        if len(in_flight) == at_once or (shard is None and in_flight):
            _collect(in_flight.popleft(), add, errors)
        if shard is not None:
            in_flight.append(shard_task.submit(run, shard))
        if time.monotonic() - merged > MERGE_EVERY_S:
            merge()
            merged = time.monotonic()
    if errors:
        raise errors[0]


def _collect(
    future: PrefectFuture, add: Callable[[Receipt[Row]], None], errors: list[Exception]
) -> None:
    try:
        add(future.result())
    except UserError:
        raise
    except Exception as error:
        errors.append(error)


def log_receipt(stage: str, receipt: Receipt[Any]) -> None:
    """A line in the log of the task: counts, and where the time went."""
    spent = receipt.seconds
    log.info(
        "%s shard %s: %d done, %d failed in %.1f s"
        " (read %.1f, decode %.1f, model %.1f, write %.1f)",
        stage, receipt.shard, len(receipt.done), len(receipt.failed), spent.wall, spent.read,
        spent.decode, spent.model, spent.write,
    )  # fmt: skip

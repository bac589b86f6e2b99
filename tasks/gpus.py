"""The GPUs that all runs of a Prefect server share: each run takes its own, or waits for them."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound

from data.errors import UserError
from tasks.progress import say

LIMIT = "reelflow-gpus"
LEASE_S = 120.0  # renewed while a run lives; a run that was killed has its GPUs for so long


@contextmanager
def gpus_held(count: int, wait_s: float) -> Iterator[None]:
    """Holds GPUs for as long as the block lasts, where the server limits them (`reelflow-gpus`).

    Where others have them, waits up to `wait_s` seconds, then raises a UserError; at once where
    the limit is less than `count`. Outside of a flow run nothing is limited, or asked, and of the
    processes that accelerate launched together only the first takes the GPUs of all.
    """
    limit = _limit() if count and leads() and FlowRunContext.get() else None
    with ExitStack() as held:
        if limit is not None:
            _check(limit, count)
            try:
                held.enter_context(
                    concurrency(LIMIT, count, timeout_seconds=wait_s, lease_duration=LEASE_S)
                )
            except TimeoutError:
                raise UserError(
                    f"other runs have the GPUs of {LIMIT} since {wait_s:g} s: wait for them, or"
                    " stop them, then run this again (REELFLOW_WAIT_S is how long a run waits)"
                ) from None
        yield


def leads() -> bool:
    """Whether this process speaks for those that accelerate launched with it, if it did."""
    return os.environ.get("RANK", "0") == "0"


def _limit() -> GlobalConcurrencyLimitResponse | None:
    """The server's, where it has one that is on."""
    with get_client(sync_client=True) as client:
        try:
            limit = client.read_global_concurrency_limit_by_name(LIMIT)
        except ObjectNotFound:
            return None
    return limit if limit.active else None


def _check(limit: GlobalConcurrencyLimitResponse, count: int) -> None:
    """A UserError where there will never be so many; a line where there are not now."""
    if count > limit.limit:
        raise UserError(
            f"this run's workers take {count} GPUs, and {LIMIT} has {limit.limit}: set"
            f" REELFLOW_WORKERS, or `prefect gcl update {LIMIT} --limit {count}`"
        )
    if limit.active_slots + count > limit.limit:
        say(f"waiting for {count} of {LIMIT}: of {limit.limit} others have {limit.active_slots}")

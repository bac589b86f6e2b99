"""The limit on GPUs that all runs of a Prefect server share: a run holds its own, or waits."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound

from data.errors import UserError
from tasks.progress import notify
from tasks.service.turns import wait_turn

LIMIT = "reelflow-gpus"
# A live run renews its lease; the slots of a killed one come free after so many seconds.
LEASE_S = 120.0


@contextmanager
def hold_gpus(count: int, wait_s: float) -> Iterator[None]:
    """Holds `count` slots of the server's GPU limit (`reelflow-gpus`) during the block.

    Waits up to `wait_s` seconds for slots that other runs hold, then raises a UserError; a run that
    a worker started goes on waiting, without a process (`wait_turn`). Raises at once where the
    limit is below `count`. Does nothing outside of a flow run, on a server without the limit, and
    in all but the first of the processes that accelerate launched together.
    """
    limit = _read_limit() if count and is_main_process() and FlowRunContext.get() else None
    with ExitStack() as slots:
        if limit is not None:
            # Before waiting: for more slots than there are a run would wait in vain.
            _check_limit(limit, count)
            try:
                slots.enter_context(
                    concurrency(LIMIT, count, timeout_seconds=wait_s, lease_duration=LEASE_S)
                )
            except TimeoutError:
                reason = f"waited {wait_s:g} s for {count} {LIMIT} slots held by other runs"
                wait_turn(reason)
                raise UserError(
                    f"{reason}: wait for these or stop them, then run this again, or set"
                    " REELFLOW_WAIT_S to wait longer"
                ) from None
        yield


def is_main_process() -> bool:
    """Whether this is the first of the processes that accelerate launched, or the only one."""
    # accelerate sets RANK; the first process holds the slots for all of them.
    return os.environ.get("RANK", "0") == "0"


def _read_limit() -> GlobalConcurrencyLimitResponse | None:
    """The server's limit; None where there is none or it is switched off."""
    with get_client(sync_client=True) as client:
        try:
            limit = client.read_global_concurrency_limit_by_name(LIMIT)
        except ObjectNotFound:
            return None
    # Who switches the limit off wants runs to go on without it.
    return limit if limit.active else None


def _check_limit(limit: GlobalConcurrencyLimitResponse, count: int) -> None:
    """Raises a UserError where the limit can never allow `count`; notifies where it has to wait."""
    if count > limit.limit:
        raise UserError(
            f"this run's workers need {count} GPUs, but {LIMIT} allows {limit.limit}: set"
            f" REELFLOW_WORKERS, or run `prefect gcl update {LIMIT} --limit {count}`"
        )
    if limit.active_slots + count > limit.limit:
        others = f"other runs hold {limit.active_slots} of {limit.limit} {LIMIT} slots"
        notify(f"waiting for GPUs: {count} needed, {others}")

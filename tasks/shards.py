"""Many shards under way at once, in any stage."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from prefect.futures import PrefectFuture

from data.errors import UserError

AT_ONCE = 32  # most shards under way; each is a thread that waits
MERGE_EVERY_S = 10.0


def run_shards(
    submit: Callable[[str], PrefectFuture],
    shards: Sequence[str],
    at_once: int,
    add: Callable[[Any], None],
    merge: Callable[[], None],
) -> None:
    """Runs every shard and adds up what each gives, in their order.

    One that raises does not keep the others back, unless it is for the user to mend. `merge` is
    called now and then, and at the end.
    """
    try:
        _run(submit, shards, min(at_once, AT_ONCE), add, merge)
    finally:
        merge()


def _run(
    submit: Callable[[str], PrefectFuture],
    shards: Sequence[str],
    at_once: int,
    add: Callable[[Any], None],
    merge: Callable[[], None],
) -> None:
    flying: deque[PrefectFuture] = deque()
    errors: list[Exception] = []
    merged = time.monotonic()
    for shard in [*shards, *[None] * at_once]:
        if len(flying) == at_once or (shard is None and flying):
            _land(flying.popleft(), add, errors)
        if shard is not None:
            flying.append(submit(shard))
        if time.monotonic() - merged > MERGE_EVERY_S:
            merge()
            merged = time.monotonic()
    if errors:
        raise errors[0]


def _land(future: PrefectFuture, add: Callable[[Any], None], errors: list[Exception]) -> None:
    try:
        add(future.result())
    except UserError:
        raise
    except Exception as error:
        errors.append(error)

"""Tasks of one shard: tried once more, where another try may end better."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

from data.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")


def _worth_it(task: Any, run: Any, state: Any) -> bool:
    """Not where somebody has to mend something first (a full disk, rights, a missing file)."""
    try:
        state.result()
    except UserError:
        return False
    except Exception:
        return True
    return True


def shard_task(stage: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Makes a function of `shard` and more a task of a stage; the shard's receipt is its cache."""
    made = task(
        name=f"{stage}-shard", task_run_name=f"{stage}-{{shard}}", cache_policy=NO_CACHE,
        persist_result=False, retries=1, retry_delay_seconds=5, retry_condition_fn=_worth_it,
    )  # fmt: skip
    return made

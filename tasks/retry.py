"""Trying again: a shard once more, where that may end better; failures, where a user asks."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

from data.catalog import merge
from data.catalog.database import sql
from data.catalog.failures import Failures
from data.errors import UserError
from data.shards.stages import current
from data.workspace import Workspace
from engines.base import plugin

DECODER = "pyav"  # a plugin of engines/video/decoders

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


def decoder() -> str:
    """What decodes here, with its version."""
    return plugin("video.decoders", DECODER).version()


def count_failures(workspace: Workspace, corpus: str, which: Failures) -> list[dict[str, Any]]:
    """How many failures `which` means: stage, reason, decoder, videos."""
    stage = current(workspace.store, corpus, "embed")
    asked = which.values(decoder()) | {"embed": stage.fingerprint if stage else ""}
    with workspace.catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, corpus)
        return catalog.rows(sql("to_retry"), corpus=corpus, **asked)

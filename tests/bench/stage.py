"""Runs flows one after the other in this process and prints what each said and took, as JSON.

`python stage.py '[["embed", {"corpus": "x", "spec": {...}}], …]'`
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])

SEARCHES = 100


def main() -> None:
    begun = time.perf_counter()
    said = []
    for name, given in json.loads(sys.argv[1]):
        started, cpu_s = time.perf_counter(), _cpu_seconds()
        found = CALLS.get(name, _flow)(name, given)
        took = {"seconds": time.perf_counter() - started, "cpu_s": _cpu_seconds() - cpu_s}
        said.append({"name": name, **took, "said": found})
    sys.stdout.flush()
    print("\n" + json.dumps({"seconds": time.perf_counter() - begun, "calls": said}, default=str))


def _cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _flow(name: str, given: dict[str, Any]) -> Any:
    import importlib

    from data.specs import pipeline

    kinds = {"embed": pipeline.EmbedSpec, "pool": pipeline.PoolSpec, "index": pipeline.IndexSpec}
    if "spec" in given:
        given = given | {"spec": kinds[name](**given["spec"])}
    return getattr(importlib.import_module(f"flows.{name}"), name)(**given)


def _plan(name: str, given: dict[str, Any]) -> int:
    """How many shards are left to do, after planning."""
    from data.settings import Settings
    from data.specs.pipeline import EmbedSpec
    from data.workspace import open_workspace
    from tasks.plan import plan_videos
    from tasks.stages import register_embed

    workspace = open_workspace(Settings())
    return len(
        plan_videos.fn(
            workspace, register_embed(workspace, given["corpus"], EmbedSpec(**given["spec"]))
        )
    )


def _catalog(name: str, given: dict[str, Any]) -> None:
    from data.settings import Settings
    from data.workspace import open_workspace

    open_workspace(Settings()).rebuild_catalog()


def _search(name: str, given: dict[str, Any]) -> dict[str, float]:
    """Milliseconds a search takes once the bank is open: by text, and by video."""
    from data.records import Prompt
    from data.settings import Settings
    from data.specs.retrieve import VIDEO_QUERIES, RetrieveSpec
    from data.workspace import open_workspace
    from tasks.retrieve.retriever import Retriever

    bank = Retriever(open_workspace(Settings()), given["corpus"])
    spent: dict[str, list[float]] = {"text": [], "video": []}
    for i in range(SEARCHES):
        started = time.perf_counter()
        bank.search_prompts([Prompt("p", f"a red circle, take {i}")], RetrieveSpec())
        spent["text"].append(time.perf_counter() - started)
        started = time.perf_counter()
        bank.search_videos([given["video"]], VIDEO_QUERIES)
        spent["video"].append(time.perf_counter() - started)
    return {kind: 1000 * sorted(times)[SEARCHES // 2] for kind, times in spent.items()}


def _status(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What `reelflow status` shows."""
    from data.catalog.coverage import compute_status
    from data.settings import Settings
    from data.workspace import open_workspace

    workspace = open_workspace(Settings())
    with workspace.open_catalog() as catalog:
        return compute_status(catalog, workspace.store, given["corpus"])


def _alone(name: str, given: dict[str, Any]) -> float:
    """An embed stage's engine without a flow: loaded, run over fakes, and closed."""
    from bench.sections.orchestration import embed_alone

    return embed_alone(given["videos"], warm_up=0)


def _widen(name: str, given: dict[str, Any]) -> None:
    """Fakes get vectors as wide as a real model's, for the calls that follow."""
    from support.wide_fakes import widen_fakes

    widen_fakes()


def _plain(name: str, given: dict[str, Any]) -> None:
    """Flows and tasks are called as the functions that they are, without a server's start."""
    import pytest
    from support.plain import PlainFlows

    PlainFlows().patch(pytest.MonkeyPatch())


CALLS = {"plan": _plan, "catalog": _catalog, "search": _search, "widen": _widen,
         "plain": _plain, "status": _status, "alone": _alone}  # fmt: skip

if __name__ == "__main__":
    main()

"""What stages remember of their callers, and what is taken for left over."""

import os
import time

import pytest
from support.corpora import FAKE
from support.scheduled_runs import SPEC, nights

from data.shards.stages import find_successor, read_spec, register_stage, switch_stages
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec
from tasks.embed.maintain import collect_leftovers
from tasks.stages import register_embed, register_index, register_pool


def test_gate_and_weights_follow_the_caller_under_the_same_fingerprint(workspace) -> None:
    store = workspace.store
    first = register_stage(store, "c", "embed", FAKE.model_copy(update={"weights": "/a"}), "1", "d")
    moved = register_stage(store, "c", "embed", FAKE.model_copy(update={"weights": "/b"}), "1", "d")
    assert first == moved
    assert read_spec(store, first, EmbedSpec).weights == "/b"
    register_pool(workspace, "c", PoolSpec())
    strict = register_index(workspace, "c", IndexSpec(gate=0.99))
    lax = register_index(workspace, "c", IndexSpec(gate=0.5))
    assert strict == lax
    assert read_spec(store, lax, IndexSpec).gate == 0.5


@pytest.mark.parametrize("used", [0, 1])
def test_switching_back_finds_what_was_used_last_over_a_stage(workspace, used: int) -> None:
    store, embedded = workspace.store, register_embed(workspace, "c", SPEC)
    pool = register_pool(workspace, "c", PoolSpec())
    specs = [IndexSpec(seed=1), IndexSpec(seed=2)]
    for spec in (specs[1 - used], specs[used]):
        last = register_index(workspace, "c", spec)
    other = register_embed(workspace, "c", SPEC.model_copy(update={"every_nth": 2}))
    pool_2 = register_pool(workspace, "c", PoolSpec())
    index_2 = register_index(workspace, "c", IndexSpec())
    assert find_successor(store, other, "pool") == pool_2
    assert find_successor(store, embedded, "pool") == pool
    assert find_successor(store, pool, "index") == last
    switch_stages(store, last, pool, embedded)
    assert find_successor(store, pool_2, "index") == index_2


def test_a_build_under_way_is_no_leftover_however_long_it_takes(workspace) -> None:
    stage = nights(workspace, "c", 1)
    pooled = register_pool(workspace, "c", PoolSpec(), stage)
    folder = workspace.store.local_path(
        f"{register_index(workspace, 'c', IndexSpec(), pooled).folder}/.building-x"
    )
    folder.mkdir(parents=True)
    (folder / "part").write_bytes(b"x")
    _age(folder)
    assert collect_leftovers.fn(workspace, 2, True) == [], "it was written to just now"
    _age(folder / "part")
    with workspace.lock_stage("c", "index", print):
        assert collect_leftovers.fn(workspace, 2, True) == []
    assert [row["why"] for row in collect_leftovers.fn(workspace, 2, True)] == ["half-written"]
    assert not folder.exists()


def _age(path) -> None:
    past = time.time() - 2 * 24 * 3600
    os.utime(path, (past, past))

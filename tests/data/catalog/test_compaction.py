from dataclasses import replace

import pyarrow as pa
import pytest
from support import buckets, scheduled_runs
from support.corpora import counts, videos
from support.scheduled_runs import SPEC, embedded, ingested, video

from data.catalog import merge
from data.catalog.compaction import (
    finish_packs,
    pack_shards,
    pack_videos,
    plan_shard_packs,
    plan_video_packs,
)
from data.catalog.leftovers import find_leftovers
from data.shards.lists import list_done, list_pending, list_shards, next_number, read_shard
from data.shards.stages import Stage
from data.store import layout, tables
from data.store.storage import Store
from data.workspace import Workspace
from tasks.embed.pool import pool_shards
from tasks.plan import plan_videos
from tasks.stages import register_embed, register_pool

QUESTIONS = {
    "videos": "SELECT * FROM videos",
    "rejects": "SELECT * FROM rejects",
    "ingests": "SELECT * FROM ingests",
    "latest": "SELECT * EXCLUDE (shard) FROM latest",
    "listed": "SELECT corpus, stage, fingerprint, attempt, content FROM shards",
}
EIGHT = 8


@pytest.fixture
def stage(workspace: Workspace) -> Stage:
    """Eight nights of two videos."""
    return scheduled_runs.nights(workspace, "c", EIGHT)


def test_many_small_files_become_one_and_say_the_same(workspace: Workspace, stage: Stage) -> None:
    before = _said(workspace)
    frames = _frames(workspace, stage)
    _pack(workspace, stage)
    assert list_done(workspace.store, stage.folder) == ["000000-to-000007"]
    assert list_shards(workspace.store, stage.folder) == ["000000-to-000007"]
    assert list_pending(workspace.store, stage.folder) == []
    assert next_number(workspace.store, stage.folder) == EIGHT
    assert _frames(workspace, stage) == frames
    assert _said(workspace) == before, "a catalogue that had merged the files"
    workspace.rebuild_catalog()
    assert _said(workspace) == before, "a catalogue that never saw them"
    assert not plan_video_packs(workspace.store, "c")
    assert not plan_shard_packs(workspace.store, stage.folder)


def test_what_was_packed_goes_a_day_later_and_nothing_misses_it(
    workspace: Workspace, stage: Stage
) -> None:
    before, frames = _said(workspace), _frames(workspace, stage)
    _pack(workspace, stage)
    assert not list(find_leftovers(workspace.store))
    for each in list(find_leftovers(workspace.store, min_age_s=0)):
        assert each.why == "packed"
        workspace.store.delete(each.name)
    left = [
        p.name
        for p in workspace.store.local_path(f"corpora/c/embed/{stage.fingerprint}").rglob("*.*")
    ]
    assert sorted(left) == [
        "000000-to-000007.json", "000000-to-000007.json", "shard-000000-to-000007.parquet",
        "spec.json",
    ]  # fmt: skip
    assert _frames(workspace, stage) == frames
    assert _said(workspace) == before
    workspace.rebuild_catalog()
    assert _said(workspace) == before


def test_pooling_makes_its_vectors_of_packs_and_an_index_reads_the_same(
    workspace: Workspace, stage: Stage
) -> None:
    from data.specs.pipeline import PoolSpec

    pooled = register_pool(workspace, "c", PoolSpec(), stage)
    pool_shards.fn(workspace, stage, pooled)
    before = _vectors(workspace, pooled)
    _pack(workspace, stage)
    assert _vectors(workspace, pooled) == before, "until pooling runs"
    assert pool_shards.fn(workspace, stage, pooled).done == 1
    assert list_done(workspace.store, pooled.folder) == ["000000-to-000007"]
    assert _vectors(workspace, pooled) == before
    assert pool_shards.fn(workspace, stage, pooled).done == 0
    assert videos(workspace, "c", "pool") == counts(2 * EIGHT, 2 * EIGHT)
    assert {each.why for each in find_leftovers(workspace.store, min_age_s=0)} == {"packed"}


def test_packs_are_packed_with_what_came_after_them(workspace: Workspace, stage: Stage) -> None:
    _pack(workspace, stage)
    for night in range(EIGHT, 2 * EIGHT):
        ingested(workspace, "c", night + 1, f"night-{night}", (video(night, 0),))
        embedded(workspace, stage, night, (video(night, 0),))
    before = _said(workspace)
    _pack(workspace, stage)
    assert list_done(workspace.store, stage.folder) == ["000000-to-000015"]
    assert _said(workspace) == before
    workspace.rebuild_catalog()
    assert _said(workspace) == before
    for each in list(find_leftovers(workspace.store, min_age_s=0)):
        workspace.store.delete(each.name)
    assert _said(workspace) == before
    assert len(workspace.store.list_names("corpora/c/videos")) == 1


def test_what_changed_or_was_rejected_since_is_not_brought_back(workspace: Workspace) -> None:
    same = video(0, 0)
    for night in range(EIGHT):
        changed = replace(same, content=f"sha256:{night}")
        ingested(workspace, "c", night + 1, "one", (changed, video(night, 1)), rejected=night % 3)
    _synced(workspace)
    before = _said(workspace)
    assert len(before["rejects"]) == 1
    [pack] = plan_video_packs(workspace.store, "c")
    pack_videos(workspace.store, "c", pack)
    later = replace(same, content="sha256:later")
    ingested(workspace, "c", EIGHT + 1, "one", (later,))
    after = _said(workspace)
    assert {row["content"] for row in after["videos"] if row["id"] == same.id} == {"sha256:later"}
    assert not after["rejects"]
    workspace.rebuild_catalog()
    assert _said(workspace) == after


def test_a_catalogue_that_merged_later_ingests_before_the_pack_keeps_them(
    workspace: Workspace,
) -> None:
    """As where a listing of many pages misses the pack, and what it stands for is gone."""
    for night in range(EIGHT):
        ingested(
            workspace, "c", night + 1, "one", (replace(video(0, 0), content=f"sha256:{night}"),)
        )
    ingested(workspace, "c", EIGHT + 1, "one", (replace(video(0, 0), content="sha256:later"),))
    _synced(workspace)
    before = _said(workspace)
    folder = layout.videos_folder("c")
    pack = replace(plan_video_packs(workspace.store, "c")[0])
    files = tuple(file for file in pack.files if "000009" not in file)
    pack_videos(workspace.store, "c", replace(pack, files=files))
    assert len(workspace.store.list_names(folder)) == EIGHT + 2
    assert _said(workspace) == before


def test_an_ingest_that_did_not_end_and_a_shard_that_is_not_done_stay_as_they_are(
    workspace: Workspace, stage: Stage
) -> None:
    ingested(workspace, "c", EIGHT + 1, "killed", (video(EIGHT, 0),), ended=False)
    plan_videos.fn(workspace, stage)
    assert list_pending(workspace.store, stage.folder) == ["000008"]
    _pack(workspace, stage)
    assert list_pending(workspace.store, stage.folder) == ["000008"]
    assert list_shards(workspace.store, stage.folder) == ["000000-to-000007", "000008"]
    assert f"{layout.videos_folder('c')}/000009-000000.parquet" in workspace.store.list_names(
        layout.videos_folder("c")
    )


def test_ids_that_changed_and_other_attempts_are_never_in_one_pack(workspace: Workspace) -> None:
    stage = register_embed(workspace, "c", SPEC)
    for number in range(3 * EIGHT):
        again = replace(video(0, 0), content=f"sha256:{number}")  # the same id in two shards
        some = (again,) if number in (0, EIGHT) else (video(number, 0),)
        embedded(workspace, stage, number, some, attempt=2 if number >= 2 * EIGHT else 1)
    assert [pack.name for pack in plan_shard_packs(workspace.store, stage.folder)] == [
        "000000-to-000007", "000008-to-000015", "000016-to-000023",
    ]  # fmt: skip


def test_a_pack_without_its_list_is_whole_and_gets_it(workspace: Workspace, stage: Stage) -> None:
    before = _said(workspace)
    _pack(workspace, stage)
    workspace.store.delete(layout.shard_list(stage.folder, "000000-to-000007"))
    assert list_pending(workspace.store, stage.folder) == []
    assert next_number(workspace.store, stage.folder) == EIGHT
    workspace.rebuild_catalog()
    assert _said(workspace) == before
    assert not any("shards/" in each.name for each in find_leftovers(workspace.store, min_age_s=0))
    finish_packs(workspace.store, stage.folder)
    shard = read_shard(workspace.store, stage.folder, "000000-to-000007", dict)
    assert len(shard.items) == 2 * EIGHT


def test_vectors_of_a_pack_without_receipt_are_read_by_nobody_and_go(
    workspace: Workspace, stage: Stage
) -> None:
    before = _said(workspace)
    _pack(workspace, stage)
    for part in ("shards", "receipts"):
        workspace.store.delete(f"{stage.folder}/{part}/000000-to-000007.json")
    workspace.rebuild_catalog()
    assert _said(workspace) == before
    gone = [
        each
        for each in find_leftovers(workspace.store, min_age_s=0)
        if each.name.startswith(stage.folder)
    ]
    assert [(each.name.rsplit("/")[-1], each.why) for each in gone] == [
        ("shard-000000-to-000007.parquet", "half-packed")
    ]


@pytest.mark.slow
def test_an_object_store_is_packed_too(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with buckets.served(monkeypatch):
        workspace = Workspace(
            _settings(tmp_path_factory.mktemp("packed")), Store("s3://videos/packed")
        )
        stage = scheduled_runs.nights(workspace, "c", EIGHT)
        before = _said(workspace)
        _pack(workspace, stage)
        gone = {each.name for each in find_leftovers(workspace.store, min_age_s=0)}
        assert {f"{stage.folder}/shard-{number:06d}.parquet" for number in range(EIGHT)} < gone
        assert list_done(workspace.store, stage.folder) == ["000000-to-000007"]
        workspace.rebuild_catalog()
        assert _said(workspace) == before


def _settings(folder):
    from data.settings import Settings

    return Settings(root="s3://videos/packed", catalog=str(folder / "catalog.duckdb"))


def _pack(workspace: Workspace, stage: Stage) -> None:
    for pack in plan_video_packs(workspace.store, "c"):
        pack_videos(workspace.store, "c", pack)
    for pack in plan_shard_packs(workspace.store, stage.folder):
        pack_shards(workspace.store, pack)


def _synced(workspace: Workspace) -> None:
    with workspace.open_catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, "c")


def _said(workspace: Workspace) -> dict[str, list]:
    """What the catalogue says, but for which file it has it from."""
    with workspace.open_catalog() as catalog:
        merge.sync_corpus(catalog, workspace.store, "c")
        return {
            key: sorted(catalog.query_rows(text), key=lambda row: str(sorted(row.items(), key=str)))
            for key, text in QUESTIONS.items()
        }


def _frames(workspace: Workspace, stage: Stage) -> pa.Table:
    """All frame vectors, in the order of the shards."""
    shards = list_done(workspace.store, stage.folder)
    files = [layout.shard_file(stage.folder, shard) for shard in shards]
    return pa.concat_tables([tables.read_table(workspace.store, file) for file in files])


def _vectors(workspace: Workspace, pooled: Stage) -> list[tuple]:
    """What an index would read."""
    from engines.index.pooled_vectors import PooledVectors

    shards = tuple(list_done(workspace.store, pooled.folder))
    batches = list(PooledVectors(workspace.store, pooled.folder, shards, frozenset()).batches())
    return [
        (id, content, vector.tobytes())
        for batch in batches
        for id, content, vector in zip(batch.ids, batch.contents, batch.vectors, strict=True)
    ]

from dataclasses import replace

import pyarrow as pa
import pytest
from support import buckets, scheduled_runs
from support.corpora import counts, videos
from support.scheduled_runs import SPEC, embedded, ingested, video

from data.catalog import merge
from data.catalog.compaction import finish_packs, pack_shards, pack_videos, shard_packs, video_packs
from data.catalog.leftovers import leftovers
from data.shards.lists import names, next_number, pending, read_shard
from data.shards.stages import Stage
from data.store import layout, tables
from data.store.storage import Store
from data.workspace import Workplace
from tasks.embed.pool import pool_shards
from tasks.plan import plan
from tasks.stages import embed_stage, pool_stage

QUESTIONS = {
    "videos": "SELECT * FROM videos",
    "rejects": "SELECT * FROM rejects",
    "ingests": "SELECT * FROM ingests",
    "latest": "SELECT * EXCLUDE (shard) FROM latest",
    "listed": "SELECT corpus, stage, fingerprint, attempt, content FROM shards",
}
EIGHT = 8


@pytest.fixture
def stage(place: Workplace) -> Stage:
    """Eight nights of two videos."""
    return scheduled_runs.nights(place, "c", EIGHT)


def test_many_small_files_become_one_and_say_the_same(place: Workplace, stage: Stage) -> None:
    before = _said(place)
    frames = _frames(place, stage)
    _pack(place, stage)
    assert names(place.store, stage.folder, "receipts") == ["000000-to-000007"]
    assert names(place.store, stage.folder, "shards") == ["000000-to-000007"]
    assert pending(place.store, stage.folder) == []
    assert next_number(place.store, stage.folder) == EIGHT
    assert _frames(place, stage) == frames
    assert _said(place) == before, "a catalogue that had merged the files"
    place.rebuild_catalog()
    assert _said(place) == before, "a catalogue that never saw them"
    assert not video_packs(place.store, "c")
    assert not shard_packs(place.store, stage.folder)


def test_what_was_packed_goes_a_day_later_and_nothing_misses_it(
    place: Workplace, stage: Stage
) -> None:
    before, frames = _said(place), _frames(place, stage)
    _pack(place, stage)
    assert not list(leftovers(place.store))
    for each in list(leftovers(place.store, old_s=0)):
        assert each.why == "packed"
        place.store.delete(each.name)
    left = [p.name for p in place.store.local(f"corpora/c/embed/{stage.fingerprint}").rglob("*.*")]
    assert sorted(left) == [
        "000000-to-000007.json", "000000-to-000007.json", "shard-000000-to-000007.parquet",
        "spec.json",
    ]  # fmt: skip
    assert _frames(place, stage) == frames
    assert _said(place) == before
    place.rebuild_catalog()
    assert _said(place) == before


def test_pooling_makes_its_vectors_of_packs_and_an_index_reads_the_same(
    place: Workplace, stage: Stage
) -> None:
    from data.specs.pipeline import PoolSpec

    pooled = pool_stage(place, "c", PoolSpec(), stage)
    pool_shards.fn(place, stage, pooled)
    before = _vectors(place, pooled)
    _pack(place, stage)
    assert _vectors(place, pooled) == before, "until pooling runs"
    assert pool_shards.fn(place, stage, pooled).done == 1
    assert names(place.store, pooled.folder, "receipts") == ["000000-to-000007"]
    assert _vectors(place, pooled) == before
    assert pool_shards.fn(place, stage, pooled).done == 0
    assert videos(place, "c", "pool") == counts(2 * EIGHT, 2 * EIGHT)
    assert {each.why for each in leftovers(place.store, old_s=0)} == {"packed"}


def test_packs_are_packed_with_what_came_after_them(place: Workplace, stage: Stage) -> None:
    _pack(place, stage)
    for night in range(EIGHT, 2 * EIGHT):
        ingested(place, "c", night + 1, f"night-{night}", (video(night, 0),))
        embedded(place, stage, night, (video(night, 0),))
    before = _said(place)
    _pack(place, stage)
    assert names(place.store, stage.folder, "receipts") == ["000000-to-000015"]
    assert _said(place) == before
    place.rebuild_catalog()
    assert _said(place) == before
    for each in list(leftovers(place.store, old_s=0)):
        place.store.delete(each.name)
    assert _said(place) == before
    assert len(place.store.names("corpora/c/videos")) == 1


def test_what_changed_or_was_rejected_since_is_not_brought_back(place: Workplace) -> None:
    same = video(0, 0)
    for night in range(EIGHT):
        changed = replace(same, content=f"sha256:{night}")
        ingested(place, "c", night + 1, "one", (changed, video(night, 1)), rejected=night % 3)
    _synced(place)
    before = _said(place)
    assert len(before["rejects"]) == 1
    [pack] = video_packs(place.store, "c")
    pack_videos(place.store, "c", pack)
    later = replace(same, content="sha256:later")
    ingested(place, "c", EIGHT + 1, "one", (later,))
    after = _said(place)
    assert {row["content"] for row in after["videos"] if row["id"] == same.id} == {"sha256:later"}
    assert not after["rejects"]
    place.rebuild_catalog()
    assert _said(place) == after


def test_a_catalogue_that_merged_later_ingests_before_the_pack_keeps_them(
    place: Workplace,
) -> None:
    """As where a listing of many pages misses the pack, and what it stands for is gone."""
    for night in range(EIGHT):
        ingested(place, "c", night + 1, "one", (replace(video(0, 0), content=f"sha256:{night}"),))
    ingested(place, "c", EIGHT + 1, "one", (replace(video(0, 0), content="sha256:later"),))
    _synced(place)
    before = _said(place)
    folder = layout.videos("c")
    pack = replace(video_packs(place.store, "c")[0])
    files = tuple(file for file in pack.files if "000009" not in file)
    pack_videos(place.store, "c", replace(pack, files=files))
    assert len(place.store.names(folder)) == EIGHT + 2
    assert _said(place) == before


def test_an_ingest_that_did_not_end_and_a_shard_that_is_not_done_stay_as_they_are(
    place: Workplace, stage: Stage
) -> None:
    ingested(place, "c", EIGHT + 1, "killed", (video(EIGHT, 0),), ended=False)
    plan.fn(place, stage)
    assert pending(place.store, stage.folder) == ["000008"]
    _pack(place, stage)
    assert pending(place.store, stage.folder) == ["000008"]
    assert names(place.store, stage.folder, "shards") == ["000000-to-000007", "000008"]
    assert f"{layout.videos('c')}/000009-000000.parquet" in place.store.names(layout.videos("c"))


def test_ids_that_changed_and_other_attempts_are_never_in_one_pack(place: Workplace) -> None:
    stage = embed_stage(place, "c", SPEC)
    for number in range(3 * EIGHT):
        again = replace(video(0, 0), content=f"sha256:{number}")  # the same id in two shards
        some = (again,) if number in (0, EIGHT) else (video(number, 0),)
        embedded(place, stage, number, some, attempt=2 if number >= 2 * EIGHT else 1)
    assert [pack.name for pack in shard_packs(place.store, stage.folder)] == [
        "000000-to-000007", "000008-to-000015", "000016-to-000023",
    ]  # fmt: skip


def test_a_pack_without_its_list_is_whole_and_gets_it(place: Workplace, stage: Stage) -> None:
    before = _said(place)
    _pack(place, stage)
    place.store.delete(layout.shard_list(stage.folder, "000000-to-000007"))
    assert pending(place.store, stage.folder) == []
    assert next_number(place.store, stage.folder) == EIGHT
    place.rebuild_catalog()
    assert _said(place) == before
    assert not any("shards/" in each.name for each in leftovers(place.store, old_s=0))
    finish_packs(place.store, stage.folder)
    assert len(read_shard(place.store, stage.folder, "000000-to-000007").videos) == 2 * EIGHT


def test_vectors_of_a_pack_without_receipt_are_read_by_nobody_and_go(
    place: Workplace, stage: Stage
) -> None:
    before = _said(place)
    _pack(place, stage)
    for part in ("shards", "receipts"):
        place.store.delete(f"{stage.folder}/{part}/000000-to-000007.json")
    place.rebuild_catalog()
    assert _said(place) == before
    gone = [each for each in leftovers(place.store, old_s=0) if each.name.startswith(stage.folder)]
    assert [(each.name.rsplit("/")[-1], each.why) for each in gone] == [
        ("shard-000000-to-000007.parquet", "half-packed")
    ]


def test_an_object_store_is_packed_too(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with buckets.served(monkeypatch):
        place = Workplace(_settings(tmp_path_factory.mktemp("packed")), Store("s3://videos/packed"))
        stage = scheduled_runs.nights(place, "c", EIGHT)
        before = _said(place)
        _pack(place, stage)
        gone = {each.name for each in leftovers(place.store, old_s=0)}
        assert {f"{stage.folder}/shard-{number:06d}.parquet" for number in range(EIGHT)} < gone
        assert names(place.store, stage.folder, "receipts") == ["000000-to-000007"]
        place.rebuild_catalog()
        assert _said(place) == before


def _settings(folder):
    from data.settings import Settings

    return Settings(root="s3://videos/packed", catalog=str(folder / "catalog.duckdb"))


def _pack(place: Workplace, stage: Stage) -> None:
    for pack in video_packs(place.store, "c"):
        pack_videos(place.store, "c", pack)
    for pack in shard_packs(place.store, stage.folder):
        pack_shards(place.store, pack)


def _synced(place: Workplace) -> None:
    with place.catalog() as catalog:
        merge.sync_corpus(catalog, place.store, "c")


def _said(place: Workplace) -> dict[str, list]:
    """What the catalogue says, but for which file it has it from."""
    with place.catalog() as catalog:
        merge.sync_corpus(catalog, place.store, "c")
        return {
            key: sorted(catalog.rows(text), key=lambda row: str(sorted(row.items(), key=str)))
            for key, text in QUESTIONS.items()
        }


def _frames(place: Workplace, stage: Stage) -> pa.Table:
    """All frame vectors, in the order of the shards."""
    shards = names(place.store, stage.folder, "receipts")
    files = [layout.shard_file(stage.folder, shard) for shard in shards]
    return pa.concat_tables([tables.read(place.store, file) for file in files])


def _vectors(place: Workplace, pooled: Stage) -> list[tuple]:
    """What an index would read."""
    from engines.index.pooled_vectors import PooledVectors

    shards = tuple(names(place.store, pooled.folder, "receipts"))
    batches = list(PooledVectors(place.store, pooled.folder, shards, frozenset()).batches())
    return [
        (id, content, vector.tobytes())
        for batch in batches
        for id, content, vector in zip(batch.ids, batch.contents, batch.vectors, strict=True)
    ]

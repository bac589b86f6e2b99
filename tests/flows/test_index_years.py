"""The nightly index over many nights: names, changing files, copies, growth, removed versions."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from support.corpora import FAKE, counts, table, videos

from data.errors import UserError
from data.records import Prompt
from data.shards.stages import current_stage, published_version
from data.specs.pipeline import IndexSpec
from data.specs.retrieve import VIDEO_QUERIES, RetrieveSpec
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.maintain import maintain
from flows.pool import pool
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")
FLAT = IndexSpec(engine="flat")
ALL = RetrieveSpec(k=100, dedup=1.01)
WIDE = VIDEO_QUERIES.model_copy(update={"k": 50, "dedup": 1.01, "ceiling": 1.01})


def night(source: str, spec: IndexSpec = FLAT, rebuild: bool = False) -> dict:
    ingest(source, "c")
    embed("c", FAKE)
    pool("c")
    return index("c", spec, rebuild)


def found(workspace) -> list[str]:
    hits = Retriever(workspace, "c").search_prompts([Prompt("0", "any")], ALL)
    return sorted(hit.video_id for hit in hits)


def assert_exact(workspace) -> None:
    """Every row is of a content that some video has now, once, and is found under its ids."""
    retriever = Retriever(workspace, "c")
    contents = retriever.contents.tolist()
    with workspace.open_catalog() as catalog:
        rows = catalog.execute(
            "SELECT id, content FROM shown s WHERE content IN (SELECT content FROM latest"
            " WHERE stage = 'pool' AND reason IS NULL)"
        )
    stale = len(set(contents) - {content for _, content in rows})
    assert len(set(contents)) == len(contents)
    assert {content for _, content in rows} <= set(contents)
    hits = retriever.search_prompts([Prompt("0", "any")], ALL)
    assert len(hits) == len(contents) - stale
    assert {(hit.video_id) for hit in hits} <= {id for id, _ in rows}


def age_store(workspace) -> None:
    """Everything in the store is of two days ago, old enough to be collected."""
    then = time.time() - 2 * 86400
    for path in workspace.store.local_path("corpora").rglob("*"):
        os.utime(path, (then, then))


def test_five_nights_with_removal_between_never_give_a_name_twice(workspace) -> None:
    names, files = [], {}
    for count in (10, 11, 12, 13, 14):
        names.append(night(f"fake://{count}")["version"])
        folder = workspace.store.local_path(current_stage(workspace.store, "c", "index").folder)
        for file in folder.glob("v*/*"):
            stamp = file.read_bytes()
            assert files.setdefault(file, stamp) == stamp, "a published version was written over"
        age_store(workspace)
        maintain("c", sample=0, keep=1, remove=True, canary=False)
        assert len(found(workspace)) == count
        assert_exact(workspace)
    assert names == [f"v{n:04d}" for n in (1, 2, 3, 4, 5)]
    assert [path.name for path in sorted(folder.glob("v*"))] == ["v0005"]


def test_a_name_is_not_given_again_after_an_unpublished_version_is_removed(workspace) -> None:
    night("fake://4")
    stage = current_stage(workspace.store, "c", "index")
    assert night("fake://5")["version"] == "v0002"
    workspace.store.write(f"{stage.folder}/current", b"v0001")  # killed before the alias
    workspace.store.delete(f"{stage.folder}/v0002")
    assert night("fake://6")["version"] == "v0003"
    assert_exact(workspace)


def test_members_go_with_their_version(workspace) -> None:
    for count in (4, 5, 6):
        night(f"fake://{count}")
    age_store(workspace)
    maintain("c", sample=0, keep=1, remove=True, canary=False)
    night("fake://7")
    with workspace.open_catalog() as catalog:
        rows = catalog.execute("SELECT version, count(*) FROM members GROUP BY 1 ORDER BY 1")
    assert rows == [("v0003", 6), ("v0004", 7)]


def test_an_index_written_over_by_an_older_reelflow_is_mended(workspace) -> None:
    """As 0.1.0 did after a removal: v0002 holds more than the catalogue merged of it."""
    night("fake://4")
    night("fake://5")
    night("fake://6")
    folder = workspace.store.local_path(current_stage(workspace.store, "c", "index").folder)
    shutil.rmtree(folder / "v0002")
    shutil.copytree(folder / "v0003", folder / "v0002")
    shutil.rmtree(folder / "v0003")
    (folder / "last-version").unlink()
    (folder / "current").write_text("v0002")
    assert night("fake://7")["count"] == 7
    assert_exact(workspace)
    assert night("fake://8")["count"] == 8


@pytest.mark.parametrize("rebuild", [False, True])
def test_copies_of_which_one_changes(workspace, clips: Path, rebuild: bool) -> None:
    shutil.copy(clips / "clip-0.mp4", clips / "copy.mp4")
    night(str(clips))
    (clips / "clip-0.mp4").write_bytes((clips / "clip-3.mp4").read_bytes() + b"\0")
    assert night(str(clips), rebuild=rebuild)["count"] == 5
    assert_exact(workspace)
    assert found(workspace) == ["clip-0", "clip-1", "clip-2", "clip-3", "copy"]


@pytest.mark.parametrize("rebuild", [False, True])
def test_files_that_change_places_answer_with_their_own_vectors(
    workspace, clips: Path, rebuild: bool
) -> None:
    night(str(clips))
    before = vectors_by_id(workspace)
    first, second = clips / "clip-0.mp4", clips / "clip-1.mp4"
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    night(str(clips), rebuild=rebuild)
    assert_exact(workspace)
    after = vectors_by_id(workspace)
    np.testing.assert_array_equal(after["clip-0"], before["clip-1"])
    np.testing.assert_array_equal(after["clip-1"], before["clip-0"])
    retriever = Retriever(workspace, "c")
    hits = retriever.search_videos(["clip-0"], WIDE)
    assert {hit.video_id for hit in hits} == {"clip-1", "clip-2", "clip-3"}
    own = before["clip-1"] @ before["clip-0"]
    assert {h.video_id: h.score for h in hits}["clip-1"] == pytest.approx(own, abs=1e-5)


def vectors_by_id(workspace) -> dict[str, np.ndarray]:
    retriever = Retriever(workspace, "c")
    with workspace.open_catalog() as catalog:
        rows = catalog.execute("SELECT id, content FROM shown")
    return {id: retriever.index.vectors(retriever.index.rows([c]))[0] for id, c in rows}


def test_a_copy_is_searched_by_and_finds_neither_itself_nor_its_copies(workspace, clips) -> None:
    shutil.copy(clips / "clip-0.mp4", clips / "copy.mp4")
    night(str(clips))
    retriever = Retriever(workspace, "c")
    by_id = {id: [hit.video_id for hit in retriever.search_videos([id], WIDE)]
             for id in ("clip-0", "copy")}  # fmt: skip
    assert by_id["copy"] == by_id["clip-0"]
    assert sorted(by_id["copy"]) == ["clip-1", "clip-2", "clip-3"]
    with pytest.raises(UserError, match="'nobody'"):
        retriever.search_videos(["nobody"], WIDE)


def test_a_copy_is_shown_by_the_same_video_with_and_without_a_condition(
    workspace, tmp_path
) -> None:
    rows = [{"videoID": id, "videoLoc": "fake://7", "txt": f"caption {id}"} for id in "zab"]
    rows.append({"videoID": "other", "videoLoc": "fake://8", "txt": "another"})
    night(table(tmp_path / "rows", rows))
    retriever, prompt = Retriever(workspace, "c"), [Prompt("0", "any")]
    for where in (None, "id <> 'b'", "true"):
        hits = retriever.search_prompts(prompt, ALL.model_copy(update={"where": where}))
        assert sorted((hit.video_id, hit.caption) for hit in hits)[-1] == ("z", "caption z")
    hits = retriever.search_prompts(prompt, ALL.model_copy(update={"where": "id <> 'z'"}))
    assert sorted(hit.video_id for hit in hits) == ["a", "other"]


def test_a_content_pooled_in_two_shards_is_indexed_once(workspace, monkeypatch) -> None:
    """As a retry that was planned twice left it."""
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "2")
    night("fake://4")
    double_shard(workspace)
    assert night("fake://5")["count"] == 5
    assert_exact(workspace)
    assert night("fake://5", rebuild=True)["count"] == 5
    assert_exact(workspace)


def double_shard(workspace) -> None:
    """Both stages have shard 000001 once more, as a later attempt."""
    for kind in ("embed", "pool"):
        folder = workspace.store.local_path(current_stage(workspace.store, "c", kind).folder)
        shutil.copy(folder / "shard-000001.parquet", folder / "shard-000009.parquet")
        for part in ("shards", "receipts"):
            if (folder / part / "000001.json").exists():
                record = json.loads((folder / part / "000001.json").read_text())
                record |= {"attempt": 2, "id" if part == "shards" else "shard": "000009"}
                (folder / part / "000009.json").write_text(json.dumps(record))


def test_a_few_stale_rows_are_skipped_and_many_make_the_next_build_start_anew(workspace) -> None:
    from tasks.generate.withdrawal import mark_withdrawn

    night("fake://60")
    mark_withdrawn(workspace, "c", "fake-000003", "asked")
    assert night("fake://60").get("new") == 0, "one stale row is no reason to build"
    assert night("fake://62")["count"] == 62
    assert_exact(workspace)
    assert "fake-000003" not in found(workspace) and len(found(workspace)) == 61
    assert videos(workspace, "c", "index")["done"] >= 61
    for number in range(10, 14):
        mark_withdrawn(workspace, "c", f"fake-{number:06d}", "asked")
    assert night("fake://62")["count"] == 57


def test_growth_counts_from_what_was_trained(workspace) -> None:
    spec = IndexSpec(index_key="IVF4,Flat")
    trained = [night(f"fake://{count}", spec)["trained_count"] for count in (40, 60, 79, 81, 100)]
    assert trained == [40, 40, 40, 81, 81]


@pytest.mark.parametrize("key", ["PQ8", "IVF4,PQ8,RFlat", "NSG16", "IDMap,Flat", "nonsense"])
def test_a_key_that_cannot_be_searched_is_refused_before_building(workspace, key: str) -> None:
    night("fake://10")
    with pytest.raises(UserError, match=key):
        index("c", IndexSpec(index_key=key))


def test_parts_leave_the_index_what_it_is(workspace, monkeypatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "100")
    spec = IndexSpec(index_key="IVF8,Flat", seed=3, gate=0.99)
    night("fake://300", spec)
    stage = current_stage(workspace.store, "c", "index")
    made = index("c", spec.model_copy(update={"parts": 3}), rebuild=True)
    assert current_stage(workspace.store, "c", "index") == stage
    assert (made["parts"], made["count"], made["seed"]) == (3, 300, 3)
    assert made["figures"]["tuning_recall_at_10"] >= 0.99
    assert published_version(workspace.store, stage) == "v0002"


def test_a_changed_video_is_not_searched_by_its_former_vector(workspace, clips: Path) -> None:
    night(str(clips))
    (clips / "clip-0.mp4").write_bytes((clips / "clip-3.mp4").read_bytes() + b"\0")
    ingest(str(clips), "c")
    with pytest.raises(UserError, match="'clip-0'"):
        Retriever(workspace, "c").search_videos(["clip-0"], WIDE)
    assert videos(workspace, "c", "index") == counts(4, 3)

"""A catalogue that lags behind its store, or outlives it, decides nothing."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.corpora import FAKE, FAKE_VIDEOS, PROMPTS, counts, videos
from support.scheduled_runs import nights

from data.catalog import merge
from data.catalog.leftovers import find_leftovers
from data.settings import Settings
from data.shards.stages import current_stage
from data.specs.pipeline import IndexSpec
from data.workspace import Workspace, open_workspace
from engines.generate.generators import fake as fake_generator
from engines.generate.protocol import ClipInputs
from flows.embed import embed
from flows.generate import generate
from flows.index import index
from flows.ingest import ingest
from flows.maintain import maintain
from flows.pipeline import pipeline
from flows.pool import pool
from flows.retry import retry
from tasks import shard as shards
from tasks.embed import pool as pooling
from tasks.generate.withdrawal import mark_withdrawn

pytestmark = pytest.mark.usefixtures("plain_flows")


@pytest.fixture
def other_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace):
    """From the call on this process is another host: one with a catalogue of its own."""

    def become(name: str) -> Workspace:
        monkeypatch.setenv("REELFLOW_CATALOG", str(tmp_path / name / "catalog.duckdb"))
        return open_workspace(Settings())

    return become


def test_a_retry_killed_after_its_plan_is_taken_up_and_lists_nothing_twice(
    workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("fake://6?undecodable=1&empty=2", "c")
    embed("c", FAKE)
    run_shards = shards._run_window
    monkeypatch.setattr(shards, "_run_window", _die)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            retry("c")
    monkeypatch.setattr(shards, "_run_window", run_shards)
    assert retry("c")["embed"]["failed"] == {"empty": 2, "undecodable": 1}
    assert _count(workspace, "shards", "attempt = 2") == 3, "each once, however often asked"
    pool("c")
    assert index("c")["count"] == 3


def test_of_a_content_that_two_shards_have_the_latest_alone_counts(workspace) -> None:
    """As stores are in which such a retry was asked again before."""
    ingest("fake://4", "c")
    embed("c", FAKE)
    stage = current_stage(workspace.store, "c", "embed")
    first = workspace.store.read(f"{stage.folder}/shards/000000.json")
    for number in (1, 2):
        text = first.replace(b'"000000"', f'"{number:06d}"'.encode())
        text = text.replace(b'"attempt": 1', b'"attempt": 2')
        workspace.store.write(f"{stage.folder}/shards/{number:06d}.json", text)
    assert embed("c", FAKE)["done"] == 8
    pool("c")
    assert videos(workspace, "c", "pool") == counts(4, 4)
    with workspace.open_catalog() as catalog:
        rows = catalog.execute("SELECT stage, shard, count(*) FROM latest GROUP BY ALL")
    assert sorted(rows) == [("embed", "000002", 4), ("pool", "000002", 4)]


def test_another_host_indexes_what_this_one_embedded_and_pooled(workspace, other_host) -> None:
    other_host("b")
    ingest("fake://4", "c")
    other_host("a")
    ingest("fake://5", "c")
    embed("c", FAKE)
    pool("c")
    other_host("b")
    assert index("c")["count"] == 5


def test_another_host_leaves_out_what_was_withdrawn_or_replaced_here(
    workspace, other_host, clips: Path
) -> None:
    other_host("b")
    ingest(str(clips), "c")
    embed("c", FAKE)
    pool("c")
    here = other_host("a")
    mark_withdrawn(here, "c", "clip-1", None)
    (clips / "clip-0.mp4").write_bytes((clips / "clip-3.mp4").read_bytes() + b"\0")
    ingest(str(clips), "c")
    other_host("b")
    assert index("c")["count"] == 2
    assert index("c")["new"] == 0


def test_a_pool_killed_before_its_merge_is_indexed(
    workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest("fake://4", "c")
    embed("c", FAKE)
    embedded = current_stage(workspace.store, "c", "embed")
    with monkeypatch.context() as patch:
        patch.setattr(pooling.Workspace, "open_synced_catalog", _die)
        with pytest.raises(KeyboardInterrupt):
            pool("c")
    assert embedded is not None
    assert index("c")["count"] == 4


def test_another_host_reads_no_row_of_an_ingest_that_it_knows_anew(workspace, other_host) -> None:
    other_host("a")
    assert ingest("fake://4", "c")["new"] == 4
    other_host("b")
    assert ingest("fake://5", "c") | {"notes": {}} == {
        "rows": 5, "new": 1, "changed": 0, "unchanged": 4, "failed": {}, "notes": {}
    }  # fmt: skip


def test_a_store_emptied_and_begun_anew_is_embedded_anew(workspace, other_host) -> None:
    other_host("a")
    ingest("fake://4", "c")
    embed("c", FAKE)
    shutil.rmtree(workspace.store.root)
    ingest("fake://4", "c")
    assert embed("c", FAKE)["done"] == 4


def test_a_catalogue_without_an_id_is_rebuilt_once_the_store_has_one(workspace, other_host) -> None:
    """Of 0.1.0, which gave none."""
    here = other_host("a")
    nights(here, "c", 3)
    with here.open_catalog() as catalog:
        merge.sync_corpus(catalog, here.store, "c")
        catalog.execute("INSERT INTO videos (corpus, id) VALUES ('c', 'of another store')")
    with here.lock_stage("c", "embed", print), here.open_catalog() as catalog:
        assert catalog.execute("SELECT count(*) FROM videos") == [(6,)]
        [(id,)] = catalog.execute("SELECT id FROM store")
    assert id in here.store.read("store.json").decode()


def test_files_that_were_removed_by_hand_count_no_more(workspace) -> None:
    stage = nights(workspace, "c", 3)
    with workspace.open_synced_catalog("c") as catalog:
        assert catalog.execute("SELECT count(*) FROM outcomes") == [(6,)]
    workspace.store.delete(f"{stage.folder}/receipts/000001.json")
    assert videos(workspace, "c", "embed") == counts(6, 4)
    workspace.store.delete(stage.folder)
    with workspace.open_synced_catalog("c") as catalog:
        assert catalog.execute("SELECT count(*) FROM outcomes") == [(0,)]
        assert catalog.execute("SELECT count(*) FROM videos") == [(6,)]


def _die(*_, **__) -> None:
    raise KeyboardInterrupt


def _count(workspace: Workspace, table: str, where: str) -> int:
    with workspace.open_catalog() as catalog:
        return catalog.execute(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]


class VectorReader(fake_generator.Generator):
    """The fake generator as one that takes frame vectors, and counts those of the store."""

    clip_inputs = ClipInputs(pixels=True, tokens=True)


def test_a_resumed_run_reads_vectors_that_another_host_has_packed(
    workspace, other_host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_generator, "Generator", VectorReader)
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "1")
    pipeline("c", "fake://8?frames=60", embed_spec=FAKE, index_spec=IndexSpec(engine="flat"))
    undisturbed = _generate(workspace)
    assert undisturbed["spared"]["tokens_stored"] > 0
    shutil.rmtree(workspace.store.local_path(f"generations/{undisturbed['run']}"))
    with other_host("lags").open_synced_catalog("c"):
        pass
    with monkeypatch.context() as killed:  # planned, and then it was gone
        killed.setattr(shards, "_run_window", _die)
        with pytest.raises(KeyboardInterrupt):
            generate("c", PROMPTS, FAKE_VIDEOS)
    other_host("packs")
    assert maintain("c", compact=True, canary=False)["packed"]
    for each in [*find_leftovers(workspace.store, min_age_s=0)]:
        workspace.store.delete(each.name)
    other_host("lags")
    resumed = _generate(workspace)
    assert resumed == undisturbed


def _generate(workspace: Workspace) -> dict:
    """A run's figures, hits and bytes, without what takes another time."""
    made = generate("c", PROMPTS, FAKE_VIDEOS)
    rows = pq.read_table(made["table"]).to_pylist()
    videos = {file.name: file.read_bytes() for file in Path(made["videos"]).glob("*.mp4")}
    figures = {name: made[name] for name in ("run", "done", "failed", "spared")}
    return figures | {"rows": [row | {"seconds": 0} for row in rows], "videos": videos}

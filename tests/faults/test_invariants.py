"""The five invariants of docs/architecture.md, a test each.

`test_histories.py` holds them against random histories; here each is shown by itself.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from support import evidence
from support.corpora import FAKE

from data.records import Prompt
from data.shards.lists import list_done, list_pending, list_shards
from data.shards.stages import Stage, current_stage
from data.specs.pipeline import IndexSpec, RetrieveSpec
from data.store.storage import Store
from data.workspace import Workspace
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.pool import pool
from tasks import shard as shards
from tasks.generate.withdrawal import mark_withdrawn
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")

EVERYTHING = RetrieveSpec(k=100, dedup=1.01, ceiling=1.01)


@pytest.fixture
def files(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three contents in four files: `copy` has the bytes of `a`."""
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "2")
    folder = tmp_path / "files"
    folder.mkdir()
    for name, clip in zip("abc", sorted(clips.glob("*.mp4")), strict=False):
        shutil.copy(clip, folder / f"{name}.mp4")
    shutil.copy(folder / "a.mp4", folder / "copy.mp4")
    return folder


def test_1_identity_is_content(workspace: Workspace, files: Path) -> None:
    ingest(str(files), "c")
    assert embed("c", FAKE)["done"] == 3, "equal files are embedded once"
    (files / "b.mp4").rename(files / "moved.mp4")
    ingest(str(files), "c")
    assert embed("c", FAKE)["shards"] == 0, "wherever they lie"
    replaced = (files / "a.mp4").read_bytes() + b"\0"
    (files / "a.mp4").write_bytes(replaced)
    ingest(str(files), "c")
    assert embed("c", FAKE)["done"] == 1, "a changed file is another content"
    with workspace.open_synced_catalog("c") as catalog:
        contents = dict(catalog.execute("SELECT id, content FROM shown"))
    assert contents["a"] != contents["copy"]


def test_2_a_list_is_written_once(
    workspace: Workspace, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(str(files), "c")
    for _ in range(2):
        with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
            killed.setattr(shards, "_run_window", _die)
            embed("c", FAKE)
        lists = _read_lists(workspace)
        assert len(lists) == 2, "listed once, however often it is planned"
    assert embed("c", FAKE)["done"] == 3, "and taken up"
    assert _read_lists(workspace) == lists
    assert not list_pending(workspace.store, _embedded(workspace).folder)


def test_3_a_receipt_is_written_last(
    workspace: Workspace, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, create = list[str](), Store.create

    @contextmanager
    def noting_create(store: Store, name: str) -> Iterator[IO[bytes]]:
        with create(store, name) as out:
            yield out
        written.append(name)

    ingest(str(files), "c")
    monkeypatch.setattr(Store, "create", noting_create)
    embed("c", FAKE)
    folder = _embedded(workspace).folder
    for shard in list_done(workspace.store, folder):
        own = [name for name in written if name.startswith(folder) and shard in name]
        assert own[-1] == f"{folder}/receipts/{shard}.json" and len(own) == 3
    workspace.store.delete(f"{folder}/receipts/000000.json")
    assert list_pending(workspace.store, folder) == ["000000"], "without it, no work counts"
    assert embed("c", FAKE)["done"] == 2


def test_4_the_catalogue_is_an_index_of_the_store(workspace: Workspace, files: Path) -> None:
    _bring_up_to_date(files)
    mark_withdrawn(workspace, "c", "b", None)
    (files / "c.mp4").write_bytes((files / "c.mp4").read_bytes() + b"\0")
    _bring_up_to_date(files)
    evidence.assert_rebuilt_the_same(Path(workspace.store.root))
    workspace.store.local_path("catalog.duckdb").unlink()
    assert embed("c", FAKE)["shards"] == 0, "lost, it knows all from the store"


def test_5_an_index_has_one_row_for_each_content_shown_and_pooled(
    workspace: Workspace, files: Path
) -> None:
    _bring_up_to_date(files)
    assert _search(workspace) == (3, {"a", "b", "c"})
    mark_withdrawn(workspace, "c", "b", None)
    (files / "a.mp4").write_bytes((files / "a.mp4").read_bytes() + b"\0")
    ingest(str(files), "c")
    rows, hits = _search(workspace)
    assert (rows, hits) == (3, {"copy", "c"}), "ids are looked up when results are shown"
    index("c", IndexSpec(engine="flat"), True)
    assert _search(workspace) == (2, {"copy", "c"})


def _bring_up_to_date(files: Path) -> None:
    ingest(str(files), "c")
    embed("c", FAKE)
    pool("c")
    index("c", IndexSpec(engine="flat"))


def _search(workspace: Workspace) -> tuple[int, set[str]]:
    """How many rows the index has, each of another content, and the ids of all hits."""
    retriever = Retriever(workspace, "c")
    assert len(set(retriever.contents)) == len(retriever.contents)
    hits = retriever.search_prompts([Prompt("0", "anything")], EVERYTHING)
    assert len({hit.video_id for hit in hits}) == len(hits)
    return len(retriever.contents), {hit.video_id for hit in hits}


def _embedded(workspace: Workspace) -> Stage:
    stage = current_stage(workspace.store, "c", "embed")
    assert stage is not None
    return stage


def _read_lists(workspace: Workspace) -> dict[str, bytes]:
    folder = _embedded(workspace).folder
    names = list_shards(workspace.store, folder)
    return {name: workspace.store.read(f"{folder}/shards/{name}.json") for name in names}


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt

"""What a night costs beside a large corpus: what it adds, counted in rows, files and bytes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.corpora import FAKE
from support.scanned import counting_scans

from data.records import Prompt
from data.settings import Settings
from data.shards.stages import current_stage
from data.specs.pipeline import IndexSpec, RetrieveSpec
from data.store.storage import Store
from data.workspace import open_workspace
from engines.index.batches import Batch
from engines.index.kinds import autofaiss, flat
from flows.embed import embed
from flows.index import index
from flows.ingest import ingest
from flows.pool import pool
from tasks.generate.withdrawal import mark_withdrawn
from tasks.index.versions import fetch_version
from tasks.retrieve.retriever import Retriever

pytestmark = pytest.mark.usefixtures("plain_flows")
HNSW = IndexSpec(index_key="HNSW8")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELFLOW_SHARD_SIZE", "20")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the store's files that are opened to be read."""
    names, open_file = [], Store.open
    monkeypatch.setattr(Store, "open", lambda self, n: names.append(n) or open_file(self, n))
    return names


def pooled_night(count: int) -> None:
    ingest(f"fake://{count}", "c")
    embed("c", FAKE)
    pool("c")


def test_a_night_reads_the_vectors_that_it_adds_and_no_others(
    workspace, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pooled_night(200)
    first = index("c", HNSW)
    pooled_night(203)
    opened.clear()
    built = count_calls(monkeypatch, flat, "build")
    made = index("c", HNSW)
    assert (made["version"], made["count"], built) == ("v0002", 203, [])
    assert {name.rsplit("/", 1)[-1] for name in opened if "/pool/" in name} == {
        "shard-000010.parquet"
    }
    assert made["recall_at_10"].keys() == first["recall_at_10"].keys()
    assert made["filtered_recall_at_10"] == first["filtered_recall_at_10"]
    pooled_night(260)  # a quarter more than was measured with
    assert index("c", HNSW)["count"] == 260
    assert len(built) == 1


def count_calls(patch: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    calls: list[str] = []
    call: Callable = getattr(owner, name)
    patch.setattr(owner, name, lambda *a, **k: calls.append(name) or call(*a, **k))
    return calls


def test_a_stale_row_is_looked_for_once_and_skipped_by_every_search(workspace) -> None:
    pooled_night(60)
    index("c", HNSW)
    mark_withdrawn(workspace, "c", "fake-000003", "asked")
    retriever = Retriever(workspace, "c")
    ask = lambda: retriever.search_prompts([Prompt("0", "any")], RetrieveSpec(k=60, dedup=1.01))  # noqa: E731
    assert len(ask()) == 59
    with counting_scans() as scanned:
        assert len(ask()) == 59
    assert scanned.rows < 4 * 60, "the corpus was read for a search"
    mark_withdrawn(workspace, "c", "fake-000004", "asked")
    assert len(ask()) == 58, "a withdrawal counts at once"


def test_a_condition_is_applied_once_for_many_batches_of_prompts(workspace) -> None:
    pooled_night(60)
    index("c", HNSW)
    retriever, spec = Retriever(workspace, "c"), RetrieveSpec(k=3, where="number < 30")
    with counting_scans() as scanned:
        for n in range(4):
            hits = retriever.search_prompts([Prompt(str(n), f"any {n}")], spec)
            assert {hit.video_id for hit in hits} <= {f"fake-{m:06d}" for m in range(30)}
    # Once for the rows, and for each batch to show the videos of its hits.
    assert scanned.conditions == 1 + 4


def test_a_remote_index_is_streamed_in_blocks(
    workspace, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    pooled_night(200)
    index("c", IndexSpec(engine="flat"))
    stage = current_stage(workspace.store, "c", "index")
    folder = workspace.store.local_path(f"{stage.folder}/v0001")
    monkeypatch.setenv("REELFLOW_ROOT", "memory://remote")
    remote = open_workspace(Settings())
    for file in folder.iterdir():
        remote.store.write(f"{stage.folder}/v0001/{file.name}", file.read_bytes())
    monkeypatch.setattr("tasks.index.versions.BLOCK", 4096)
    monkeypatch.setattr(Store, "read", lambda self, name: pytest.fail(f"{name} was read whole"))
    sizes = counted_reads(monkeypatch)
    copy = fetch_version(remote, stage, "v0001", tmp_path / "copy")
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    assert max(sizes) <= 4096 and sum(sizes) == sum(p.stat().st_size for p in folder.iterdir())


def counted_reads(patch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each read of a remote file gave."""
    sizes: list[int] = []
    open_file = Store.open

    class Counted:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> "Counted":
            return self

        def __exit__(self, *error: object) -> None:
            self.file.close()

        def read(self, size: int = -1) -> bytes:
            block = self.file.read(size)
            sizes.append(len(block))
            return block

    patch.setattr(Store, "open", lambda self, name: Counted(open_file(self, name)))
    return sizes


def test_adding_batches_joins_ids_and_exact_vectors_once(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((600, 16)).astype(np.float32)
    options = autofaiss.Options(index_key="IVF4,PQ8")
    batch = lambda a, b: Batch([f"v{n}" for n in range(a, b)], vectors[a:b])  # noqa: E731
    autofaiss.build([batch(0, 400)], tmp_path / "a", options)
    opened_index = autofaiss.open_index(tmp_path / "a")
    stacked, joined = count_calls(monkeypatch, np, "vstack"), []
    import pyarrow as pa

    join = pa.concat_tables
    monkeypatch.setattr(pa, "concat_tables", lambda t, **k: joined.append(len(t)) or join(t, **k))
    for first in range(400, 600, 10):
        opened_index.add(*reversed(batch(first, first + 10)[:2]))
    opened_index.save(tmp_path / "b")
    assert joined == [21] and len(stacked) == 1
    assert len(autofaiss.open_index(tmp_path / "b")) == 600

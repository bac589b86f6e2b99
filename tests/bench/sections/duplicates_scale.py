"""What a search for near-duplicates costs as a corpus grows, one in twenty being a copy.

The corpus is as ingest, embed and index leave it, and the search is the flow that users run.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from bench import watched
from bench.figures import Figure
from bench.job import Job
from support import large
from support.clustered import clustered

from data.settings import Settings
from data.specs.pipeline import EmbedSpec, IndexSpec, PoolSpec
from data.store import layout, tables
from data.store.frame_vectors import frame_rows, frame_schema
from data.workspace import Workspace, open_workspace
from engines.index.batches import Batch, to_unit
from engines.index.kinds import autofaiss
from tasks.index.versions import publish_version
from tasks.stages import register_embed, register_index, register_pool

CORPUS = "large"
DIM, FRAMES, SHARD, EVERY = 64, 4, 2000, 20
PER_LIST = 256  # vectors in a list of the index: as many at any size
COUNTS, FEW = (10_000, 100_000, 1_000_000), (10_000, 30_000)


def measure(job: Job) -> Iterator[Figure]:
    for count in job.size(COUNTS, FEW):
        folder = job.scratch / f"dedup-{count}"
        begun = time.perf_counter()
        _write_corpus(open_workspace(Settings(root=str(folder / "store"))), count, folder)
        written, name = time.perf_counter() - begun, f"{count:,} contents"
        out = folder / "groups.parquet"
        seen = watched.stages(folder, [["dedup", {"corpus": CORPUS, "out": str(out)}]])
        [call] = seen.said["calls"]
        yield Figure("duplicates", f"{name}: the corpus was written in", written, "s")
        yield Figure("duplicates", f"{name}: searched and grouped", call["seconds"], "s")
        yield Figure("duplicates", f"{name}: rate", count / call["seconds"], "a second")
        for role, size in sorted(seen.rss.items()):
            yield Figure("duplicates", f"{name}: memory at most, {role}", size, "MB")
        yield Figure("duplicates", f"{name}: planted copies found", _find_share(out, count), "")
        yield Figure("duplicates", f"{name}: groups", call["said"]["groups"], "")


def _write_corpus(workspace: Workspace, count: int, folder: Path) -> None:
    vectors = _make_vectors(count)
    large.ingested(workspace, CORPUS, count)
    embed = register_embed(workspace, CORPUS, EmbedSpec(engine="fake"))
    large.finished(workspace, embed, count, SHARD)
    for shard, first in enumerate(range(0, count, SHARD)):
        numbers = range(first, min(first + SHARD, count))
        videos = [
            (large.id_of(n), np.arange(FRAMES), np.arange(FRAMES, dtype=float),
             np.repeat(vectors[n : n + 1], FRAMES, axis=0).astype(np.float16)) for n in numbers
        ]  # fmt: skip
        name = layout.shard_file(embed.folder, f"{shard:06d}")
        with tables.open_writer(workspace.store, name, frame_schema(DIM)) as writer:
            writer.write_table(frame_rows(videos), row_group_size=4096)
    register_pool(workspace, CORPUS, PoolSpec(), embed)
    built = autofaiss.build(
        _list_batches(vectors), folder / "index",
        autofaiss.Options(index_key=f"IVF{count // PER_LIST},Flat"),
    )  # fmt: skip
    index = register_index(workspace, CORPUS, IndexSpec())
    publish_version(workspace, index, built.path)


def _make_vectors(count: int) -> np.ndarray:
    """Vectors (n, d) in clusters; every twentieth is nearly the one before it."""
    vectors = clustered(count, DIM, clusters=count // 100)
    copies = np.arange(1, count, EVERY)
    noise = np.random.default_rng(1).standard_normal((len(copies), DIM)).astype(np.float32)
    vectors[copies] = to_unit(vectors[copies - 1] + 0.01 * noise)
    return vectors


def _list_batches(vectors: np.ndarray, size: int = 8192) -> Iterator[Batch]:
    for first in range(0, len(vectors), size):
        numbers = range(first, min(first + size, len(vectors)))
        contents = [large.content_of(n) for n in numbers]
        yield Batch([large.id_of(n) for n in numbers], vectors[first : first + size], contents)


def _find_share(groups: Path, count: int) -> float:
    """The share of the planted copies that are in a group with their original."""
    table = pq.read_table(groups, columns=["group", "video_id"])
    group = dict(zip(table["video_id"].to_pylist(), table["group"].to_pylist(), strict=True))
    copies = range(1, count, EVERY)
    found = sum(
        group.get(large.id_of(n)) == group.get(large.id_of(n - 1), "") for n in copies
    )  # fmt: skip
    return found / len(copies)

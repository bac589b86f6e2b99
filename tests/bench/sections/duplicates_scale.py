"""What a search for near-duplicates costs as a corpus grows, one in twenty being a copy."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from bench.figures import Figure
from bench.job import Job
from support.clustered import batches, clustered

from data.batches import iter_batches
from data.outcome import Done
from data.specs.dedup import DedupSpec
from data.store import tables
from data.store.frame_vectors import frame_rows, frame_schema
from data.store.storage import Store
from engines.dedup.engine import Content, CopyFinder
from engines.dedup.groups import form_groups
from engines.dedup.locations import write_locations
from engines.index.batches import to_unit
from engines.index.index import open_index
from engines.index.kinds import autofaiss

DIM, FRAMES, SHARD, EVERY = 64, 4, 500, 20
PER_LIST = 256  # vectors in a list of the index: as many at any size
BATCH = 4096


def measure(job: Job) -> Iterator[Figure]:
    for count in (10_000, 100_000, 1_000_000)[: 2 if job.quick else 3]:
        folder = job.scratch / f"dedup-{count}"
        vectors, name = _make_vectors(count), f"{count:,} contents"
        built = autofaiss.build(
            batches(vectors, size=8192), folder / "index",
            autofaiss.Options(index_key=f"IVF{count // PER_LIST},Flat"),
        )  # fmt: skip
        store, locations = Store(str(folder / "store")), folder / "locations.arrow"
        _write_frames(store, vectors, built.path, locations)
        finder = CopyFinder(store, built.path, locations, DedupSpec())
        finder.load()
        begun = time.perf_counter()
        items = [Content(str(content)) for content in open_index(built.path).contents]
        outcomes = [each for some in iter_batches(items, BATCH) for each in finder.run(some)]
        compared = time.perf_counter()
        pairs = {(p.one, p.other): p.alignment.score
                 for each in outcomes if isinstance(each, Done) for p in each.value}  # fmt: skip
        links = [(one, other, score) for (one, other), score in pairs.items()]
        index = open_index(built.path)
        groups = form_groups(links, lambda c, i=index: i.vectors(i.rows(c)), 0.9)
        ended = time.perf_counter()
        planted = count // EVERY
        found = sum(1 for one, other in pairs if _number(one) % EVERY in (0, 1)
                    and abs(_number(one) - _number(other)) == 1)  # fmt: skip
        yield Figure("duplicates", f"{name}: compared", count / (compared - begun), "a second")
        yield Figure("duplicates", f"{name}: grouped", ended - compared, "s")
        yield Figure("duplicates", f"{name}: planted copies found", found / planted, "")
        yield Figure("duplicates", f"{name}: groups", len(groups), "")


def _make_vectors(count: int) -> np.ndarray:
    """Vectors (n, d) in clusters; every twentieth is nearly the one before it."""
    vectors = clustered(count, DIM, clusters=count // 100)
    copies = np.arange(1, count, EVERY)
    noise = np.random.default_rng(1).standard_normal((len(copies), DIM)).astype(np.float32)
    vectors[copies] = to_unit(vectors[copies - 1] + 0.01 * noise)
    return vectors


def _write_frames(store: Store, vectors: np.ndarray, index: Path, locations: Path) -> None:
    """The frame vectors of all contents, as embedding leaves them, and where each one's are."""
    from engines.index import version

    ids = version.read_ids(index).column("video_id").to_pylist()
    for first in range(0, len(vectors), SHARD):
        numbers = range(first, min(first + SHARD, len(vectors)))
        videos = [
            (f"v{n:05}", np.arange(FRAMES), np.arange(FRAMES, dtype=float),
             np.repeat(vectors[n : n + 1], FRAMES, axis=0).astype(np.float16)) for n in numbers
        ]  # fmt: skip
        with tables.open_writer(store, _file(first), frame_schema(DIM)) as writer:
            writer.write_table(frame_rows(videos))
    files = [_file(_number(id) // SHARD * SHARD) for id in ids]
    write_locations(locations, pa.table({"file": files, "id": ids}))


def _file(first: int) -> str:
    return f"shard-{first // SHARD:06d}.parquet"


def _number(id: str) -> int:
    return int(id.lstrip("v"))

"""Builds an index of the vectors in a folder, our way or by autofaiss alone.

`python build.py ours|bare FOLDER OUT` prints the seconds that it took, as JSON.
"""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path[0] = str(Path(__file__).parents[1])

ROWS = 8192  # of a batch, as they are read from Parquet
CHUNK = 20_000


def write_vectors(folder: Path, count: int, dim: int) -> Path:
    """Writes unit vectors (count, dim) float32, where they are not there; their folder.

    In clusters of a hundred. A chunk at a time, since doubles of a million would fill the memory.
    """
    from support.clustered import clustered

    file = folder / "vectors.npy"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = np.lib.format.open_memmap(
            folder / "part", mode="w+", dtype=np.float32, shape=(count, dim)
        )
        for first in range(0, count, CHUNK):
            size = min(CHUNK, count - first)
            part[first : first + size] = clustered(
                size, dim, clusters=max(1, size // 100), seed=first
            )
        part.flush()
        (folder / "part").rename(file)
    return folder


def build_ours(folder: Path, out: Path) -> None:
    """A version with ids, checked, shuffled and tuned by recall."""
    from engines.index.batches import Batch
    from engines.index.kinds import autofaiss

    def read_batches() -> Iterator[Batch]:
        vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        for first in range(0, len(vectors), ROWS):
            some = vectors[first : first + ROWS]
            yield Batch([f"video-{n:07d}" for n in range(first, first + len(some))], some)

    shutil.rmtree(out, ignore_errors=True)
    autofaiss.build(read_batches(), out)


def build_bare(folder: Path, out: Path, tune: bool = True) -> None:
    """The index that autofaiss builds with its defaults, which are ours.

    It tunes by timing, for longer than small vectors take to build, unless it is not to `tune`.
    Written by faiss: autofaiss's own report of figures is no JSON with the NumPy of today.
    """
    import logging

    import faiss
    from autofaiss import build_index

    from engines.index import parameters
    from engines.index.kinds import autofaiss

    shape = np.load(folder / "vectors.npy", mmap_mode="r").shape
    narrowest = parameters.build_ladder(autofaiss.key_for(*shape, autofaiss.Options()))[0]
    chosen = None if tune else parameters.format_parameters(narrowest)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    index, _ = build_index(
        str(folder), save_on_disk=False, index_param=chosen, verbose=logging.ERROR
    )
    faiss.write_index(index, str(out / "knn.index"))


if __name__ == "__main__":
    import autofaiss  # noqa: F401  (not a part of the build)

    BUILDS = {"ours": build_ours, "bare": build_bare}
    begun = time.perf_counter()
    BUILDS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    print("\n" + json.dumps({"seconds": time.perf_counter() - begun}))

"""Builds an index in parts, on any executor: trains once, fills each part, merges the lists.

Rows are numbered over the whole corpus before anything is built, so parts may be filled in any
order, on any machine, and again; the merged index equals the one that a single build gives.
"""

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import UserError
from engines.index import parameters, spool, tuning, version
from engines.index.batches import Batch, check_batches
from engines.index.factory import empty_index
from engines.index.index import Index

PER_LIST = 100  # training vectors per inverted list, as autofaiss takes
HALVES = "vectors.f16"
MIN_TRAINING = 10_000  # vectors, if product codes are trained too: 39 for each of 256


def train_index(batches: Iterable[Batch], out: Path, key: str, *, seed: int = 0) -> Path:
    """Writes at `out` an empty index of `key`, trained on a random sample of all the vectors."""
    import faiss

    if not (lists := re.search(r"IVF(\d+)", key)):
        raise UserError(f"an index of key {key} has no inverted lists to merge: choose IVF...")
    size = max(PER_LIST * int(lists[1]), MIN_TRAINING if parameters.is_lossy(key) else 0)
    vectors = spool.sample_vectors(batches, size, seed)
    index = empty_index(vectors.shape[1], key)
    index.train(vectors)
    out.parent.mkdir(parents=True, exist_ok=True)
    faiss.write_index(index, str(out))
    return out


def fill_part(trained: Path, batches: Iterable[Batch], out: Path, *, first: int) -> Path:
    """Writes a folder with one part, whose rows count from `first` in the whole corpus."""
    import faiss

    index, ids = faiss.read_index(str(trained)), version.Ids()
    with version.atomic_folder(out) as folder:
        with (folder / HALVES).open("wb") as halves:
            for batch in check_batches(batches):
                start = first + index.ntotal
                index.add_with_ids(batch.vectors, np.arange(start, start + len(batch.ids)))
                ids.add(batch.ids, batch.contents)
                halves.write(batch.vectors.astype(np.float16).tobytes())
        faiss.write_index(index, str(folder / version.INDEX))
        version.write_ids(folder, ids.table(first))
    return out


def merge_parts(
    parts: Sequence[Path],
    out: Path,
    key: str,
    *,
    aim: float = 0.98,
    probes: np.ndarray | None = None,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
) -> version.BuiltVersion:
    """Writes the version that the parts make up; memory holds all of it, and one part more."""
    tables = {part: pq.read_table(version.require_file(part / version.IDS)) for part in parts}
    filled = [part for part in parts if len(tables[part])]
    # Executors give parts back in any order; rows say where each belongs.
    filled.sort(key=lambda part: tables[part]["row"][0].as_py())
    table = _concat_ids([tables[part] for part in filled])
    with version.atomic_folder(out) as folder:
        merged = _merge_lists(filled)
        exact = None
        if parameters.is_lossy(key):
            exact = _concat_vectors(filled, folder / HALVES, (len(table), merged.d))
        record = {**(about or {}), "key": key, "parts": len(parts), "seed": seed}
        index = Index(merged, table, record | {"trained_count": len(table)}, exact)
        tuning.tune_index(index, aim, probes=probes, seed=seed)
        index.write(folder)
        (folder / HALVES).unlink(missing_ok=True)
    return version.describe_version(out)


def _concat_ids(tables: Sequence[pa.Table]) -> pa.Table:
    """The parts' ids as one table; raises unless every row of the corpus is there once."""
    if not tables:
        raise UserError("every part is empty: embed and pool the corpus first")
    table = pa.concat_tables(tables)
    rows = table["row"].to_numpy()
    wrong = np.flatnonzero(rows != np.arange(len(rows)))
    if wrong.size:
        raise UserError(
            f"the parts have row {rows[wrong[0]]} instead of row {wrong[0]}: fill them again"
        )
    version.check_unique(table)
    return table


def _merge_lists(parts: Sequence[Path]) -> Any:
    import faiss

    index = faiss.read_index(str(parts[0] / version.INDEX))
    for part in parts[1:]:
        # 0 is added to the ids, which count over the whole corpus already.
        index.merge_from(faiss.read_index(str(part / version.INDEX)), 0)
    # Vectors can be read back by row only with a map from rows to places in the lists.
    faiss.extract_index_ivf(index).make_direct_map()
    return index


def _concat_vectors(parts: Sequence[Path], path: Path, shape: tuple[int, int]) -> np.ndarray:
    """The parts' vectors one after the other (n, d) float16, memory-mapped."""
    with path.open("wb") as whole:
        for part in parts:
            with (part / HALVES).open("rb") as halves:
                shutil.copyfileobj(halves, whole)
    return np.memmap(path, np.float16, "r", shape=shape)

"""An index built in parts, by any executor: train once, fill each part, merge the lists.

Rows are numbered over the whole corpus before anything is built, so parts may be filled in any
order, on any machine, and again; the merged index is the one that a single build would give.
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
from engines.index.batches import Batch, checked
from engines.index.factory import empty_index
from engines.index.index import Index

PER_LIST = 100  # training vectors for each inverted list, as autofaiss takes
HALVES = "vectors.f16"
LEAST = 10_000  # and at least so many where product codes are learnt too: 39 for each of 256


def train(batches: Iterable[Batch], out: Path, key: str, *, seed: int = 0) -> Path:
    """Writes at `out` an empty index of `key`, trained on a random sample of all the vectors."""
    import faiss

    if not (lists := re.search(r"IVF(\d+)", key)):
        raise UserError(f"an index of key {key} has no inverted lists to merge: choose IVF...")
    size = max(PER_LIST * int(lists[1]), LEAST if parameters.lossy(key) else 0)
    vectors = spool.sample(batches, size, seed)
    index = empty_index(vectors.shape[1], key)
    index.train(vectors)
    out.parent.mkdir(parents=True, exist_ok=True)
    faiss.write_index(index, str(out))
    return out


def fill(trained: Path, batches: Iterable[Batch], out: Path, *, first: int) -> Path:
    """Writes a folder with one part, whose rows count from `first` in the whole corpus."""
    import faiss

    index, ids = faiss.read_index(str(trained)), version.Ids()
    with version.building(out) as folder:
        with (folder / HALVES).open("wb") as halves:
            for batch in checked(batches):
                start = first + index.ntotal
                index.add_with_ids(batch.vectors, np.arange(start, start + len(batch.ids)))
                ids.add(batch.ids, batch.contents)
                halves.write(batch.vectors.astype(np.float16).tobytes())
        faiss.write_index(index, str(folder / version.INDEX))
        version.write_ids(folder, ids.table(first))
    return out


def merge(
    parts: Sequence[Path],
    out: Path,
    key: str,
    *,
    aim: float = 0.98,
    about: Mapping[str, Any] | None = None,
) -> version.Built:
    """Writes the version that the parts make together; holds it in memory, and one part more."""
    tables = {part: pq.read_table(version.there(part / version.IDS)) for part in parts}
    filled = [part for part in parts if len(tables[part])]
    filled.sort(key=lambda part: tables[part]["row"][0].as_py())
    table = _whole([tables[part] for part in filled])
    with version.building(out) as folder:
        made = _merged(filled)
        exact = None
        if parameters.lossy(key):
            exact = _vectors(filled, folder / HALVES, (len(table), made.d))
        index = Index(made, table, {**(about or {}), "key": key, "parts": len(parts)}, exact)
        tuning.tune(index, aim)
        index.write(folder)
        (folder / HALVES).unlink(missing_ok=True)
    return version.described(out)


def _whole(tables: Sequence[pa.Table]) -> pa.Table:
    """The parts' ids as one table; every row of the corpus must be there once."""
    if not tables:
        raise UserError("every part is empty: embed and pool the corpus first")
    table = pa.concat_tables(tables)
    rows = table["row"].to_numpy()
    wrong = np.flatnonzero(rows != np.arange(len(rows)))
    if wrong.size:
        raise UserError(f"the parts have row {rows[wrong[0]]} where {wrong[0]} is due: fill again")
    version.refuse_repeats(table["video_id"])
    return table


def _merged(parts: Sequence[Path]) -> Any:
    import faiss

    index = faiss.read_index(str(parts[0] / version.INDEX))
    for part in parts[1:]:
        index.merge_from(faiss.read_index(str(part / version.INDEX)), 0)
    faiss.extract_index_ivf(index).make_direct_map()
    return index


def _vectors(parts: Sequence[Path], path: Path, shape: tuple[int, int]) -> np.ndarray:
    """The parts' vectors one after the other (n, d) float16, memory-mapped."""
    with path.open("wb") as whole:
        for part in parts:
            with (part / HALVES).open("rb") as some:
                shutil.copyfileobj(some, whole)
    return np.memmap(path, np.float16, "r", shape=shape)

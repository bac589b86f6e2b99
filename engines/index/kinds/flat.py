"""Exact search: the truth that every other index is measured against."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data.errors import UserError
from engines.index import version
from engines.index.batches import Batch, checked
from engines.index.index import Index, open

VERSION = "1"

__all__ = ["Index", "Options", "build", "key_for", "open"]


@dataclass(frozen=True, slots=True)
class Options:
    """Nothing to choose: every row is compared."""


def key_for(count: int, dim: int, options: Options) -> str:
    """The faiss key for so many vectors: always Flat."""
    return "Flat"


def build(
    batches: Iterable[Batch],
    out: Path,
    options: Options = Options(),
    *,
    about: Mapping[str, Any] | None = None,
    probes: np.ndarray | None = None,
) -> version.Built:
    """Writes a version folder one batch at a time, rows in the order given; memory stays flat."""
    with version.building(out) as folder:
        with (folder / version.INDEX).open("wb") as file:
            ids, dim = _stream(batches, file)
        table = ids.table()
        version.write_ids(folder, table)
        said = {"key": "Flat", "parameters": {}, "figures": {}, "count": len(table), "dim": dim}
        version.write_about(folder, {**(about or {}), **said})
        open(folder)
    return version.described(out)


def _stream(batches: Iterable[Batch], file: BinaryIO) -> tuple[version.Ids, int]:
    """Appends vectors as they come; the header, which counts them, is written over at the end."""
    ids, dim, count = version.Ids(), 0, 0
    for batch in checked(batches):
        if not count:
            dim = batch.vectors.shape[1]
            file.write(_header(dim, 0))
        file.write(batch.vectors.tobytes())
        ids.add(batch.ids, batch.contents)
        count += len(batch.ids)
    if not count:
        raise UserError("there are no vectors to index: embed and pool the corpus first")
    file.seek(0)
    file.write(_header(dim, count))
    return ids, dim


def _header(dim: int, count: int) -> bytes:
    """What faiss writes before the floats of an IndexFlatIP.

    Its own bytes for an empty index, with the two numbers that count rows filled in: the row count
    after the magic word and the width, and the number of floats at the end.
    """
    import faiss

    raw = faiss.serialize_index(faiss.IndexFlatIP(dim))
    raw[8:16] = np.frombuffer(np.int64(count).tobytes(), np.uint8)
    raw[-8:] = np.frombuffer(np.int64(count * dim).tobytes(), np.uint8)
    return raw.tobytes()

"""Exact search: the reference that every other index is measured against."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from data.errors import UserError
from engines.index import version
from engines.index.batches import Batch, check_batches
from engines.index.index import Index, open_index

VERSION = "1"

__all__ = ["Index", "Options", "build", "key_for", "open_index"]


@dataclass(frozen=True, slots=True)
class Options:
    """No options: every row is compared."""


def key_for(count: int, dim: int, options: Options) -> str:
    """The faiss key for `count` vectors: always Flat."""
    return "Flat"


def build(
    batches: Iterable[Batch],
    out: Path,
    options: Options = Options(),
    *,
    about: Mapping[str, Any] | None = None,
    probes: np.ndarray | None = None,
) -> version.BuiltVersion:
    """Writes a version folder batch by batch, rows in the order given; memory stays flat."""
    with version.atomic_folder(out) as folder:
        with (folder / version.INDEX).open("wb") as file:
            ids, dim = _write_vectors(batches, file)
        table = ids.table()
        version.write_ids(folder, table)
        record = {"key": "Flat", "parameters": {}, "figures": {}, "count": len(table), "dim": dim}
        version.write_about(folder, {**(about or {}), **record})
        open_index(folder)  # faiss must read the hand-written file before anyone relies on it
    return version.describe_version(out)


def _write_vectors(batches: Iterable[Batch], file: BinaryIO) -> tuple[version.Ids, int]:
    """Appends vectors as they come; the header, which counts them, is overwritten at the end."""
    ids, dim, count = version.Ids(), 0, 0
    for batch in check_batches(batches):
        if not count:
            dim = batch.vectors.shape[1]
            file.write(_encode_header(dim, 0))
        file.write(batch.vectors.tobytes())
        ids.add(batch.ids, batch.contents)
        count += len(batch.ids)
    if not count:
        raise UserError("there are no vectors to index: embed and pool the corpus first")
    file.seek(0)
    file.write(_encode_header(dim, count))
    return ids, dim


def _encode_header(dim: int, count: int) -> bytes:
    """The bytes that faiss writes before the floats of an IndexFlatIP.

    They are faiss's own for an empty index, with two numbers filled in: the row count, which
    follows the magic word and the width, and the number of floats, which comes last.
    """
    import faiss

    raw = faiss.serialize_index(faiss.IndexFlatIP(dim))
    raw[8:16] = np.frombuffer(np.int64(count).tobytes(), np.uint8)
    raw[-8:] = np.frombuffer(np.int64(count * dim).tobytes(), np.uint8)
    return raw.tobytes()

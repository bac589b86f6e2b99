"""Creates empty inner-product indexes by their faiss key."""

import re
from importlib import import_module
from typing import Any

from data.errors import UserError
from engines.index.parameters import FAISS

_OPQ = re.compile(r"OPQ(\d+)_(\d+),IVF(\d+)(?:_HNSW(\d+))?,PQ(\d+)(?:x(\d+))?")


def empty_index(dim: int, key: str) -> Any:
    """A faiss index without vectors, by inner product down to its coarse quantiser.

    A UserError for a key that faiss does not have, or that searches here could not use.
    """
    faiss = import_module(FAISS)

    if match := _OPQ.fullmatch(key):
        return _build_rotated(dim, *(int(part or 0) for part in match.groups()))
    try:
        index = faiss.index_factory(dim, key, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        raise UserError(f"{key!r} is not a faiss index key for {dim} dimensions") from error
    if not _is_searchable(index):
        raise UserError(
            f"an index of key {key!r} cannot be searched under conditions: choose a key of"
            " Flat, HNSW or IVF, such as HNSW32, IVF1024,Flat or OPQ16_64,IVF1024,PQ16"
        )
    if (lists := faiss.try_extract_index_ivf(index)) is not None:
        # Else C code warns on stderr below 39, as is usual for small corpora.
        lists.cp.min_points_per_centroid = 1
    return index


def _is_searchable(index: Any) -> bool:
    """Whether the index takes search parameters and a selection of rows, and gives vectors back."""
    faiss = import_module(FAISS)

    kind = faiss.downcast_index(index)
    if isinstance(kind, faiss.IndexPreTransform):
        return _is_searchable(kind.index)
    refused = (faiss.IndexIVFAdditiveQuantizer, faiss.IndexIVFFlatDedup)
    families = (faiss.IndexFlat, faiss.IndexHNSW, faiss.IndexIVF, faiss.IndexScalarQuantizer)
    return isinstance(kind, families) and not isinstance(kind, refused)


def _build_rotated(
    dim: int, codes: int, out: int, lists: int, links: int, size: int, bits: int
) -> Any:
    """A rotation, then inverted lists of product codes.

    autofaiss builds these itself too, but with a keyword that faiss 1.15 no longer takes.
    """
    faiss = import_module(FAISS)

    metric = faiss.METRIC_INNER_PRODUCT
    coarse = faiss.IndexHNSWFlat(out, links, metric) if links else faiss.IndexFlatIP(out)
    inner = faiss.IndexIVFPQ(coarse, out, lists, size, bits or 8, metric)
    rotation = faiss.OPQMatrix(dim, codes, out)
    index = faiss.IndexPreTransform(rotation, inner)
    # The C++ index now frees its parts; Python's wrappers must not free them a second time.
    inner.own_fields = index.own_fields = True
    for owned in (coarse, inner, rotation):
        owned.this.disown()
    return index


def build_for_autofaiss(dim: int, key: str, metric: int) -> Any:
    """`empty_index` with the signature of autofaiss's own factory, which it replaces."""
    return empty_index(dim, key)


def build_with_gpus(dim: int, key: str, metric: int) -> Any:
    """The same, clustering on all GPUs there are; vectors are added and kept on the CPU.

    autofaiss's own `use_gpu` leaves the index on the device, where our ladder cannot tune it and
    faiss cannot write it.
    """
    faiss = import_module(FAISS)

    index = empty_index(dim, key)
    lists = faiss.try_extract_index_ivf(index)
    # faiss built for CPUs has no `get_num_gpus`; `int()` then is 0.
    if lists is not None and getattr(faiss, "get_num_gpus", int)():
        index.clusters = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(lists.d))
        lists.clustering_index = index.clusters
    return index

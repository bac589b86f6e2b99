"""Reads a faiss key, and sets the search parameters of each family of indexes."""

import re
from importlib import import_module
from typing import Any

FAISS = "faiss"  # imported by name: its type stubs know only its C++ layer


def is_lossy(key: str) -> bool:
    """Whether it keeps vectors quantised, so that scores and reconstructions are approximate."""
    return bool(re.search(r"PQ|SQ|RQ", key))


def is_trained(key: str) -> bool:
    """Whether it is trained on a sample before vectors are added."""
    return "IVF" in key or is_lossy(key)


def build_ladder(key: str) -> list[dict[str, int]]:
    """Search parameters from narrow to broad; one empty set if there is nothing to choose."""
    if match := re.search(r"IVF(\d+)(_HNSW)?", key):
        lists = int(match[1])
        steps = sorted({min(2**i, lists) for i in range(18)})
        # A graph over the lists must itself be searched broadly enough to find `nprobe` of them.
        has_graph = bool(match[2])
        return [
            {"nprobe": n, **({"quantizer_efSearch": 2 * n} if has_graph else {})} for n in steps
        ]
    if "HNSW" in key:
        return [{"efSearch": 2**i} for i in range(4, 13)]
    return [{}]


def apply_parameters(index: Any, chosen: dict[str, int]) -> None:
    """Sets search parameters on a faiss index; they are saved with it."""
    faiss = import_module(FAISS)

    faiss.ParameterSpace().set_index_parameters(index, format_parameters(chosen))


def format_parameters(chosen: dict[str, int]) -> str:
    """Search parameters as faiss writes them: `nprobe=4,ht=2048`."""
    return ",".join(f"{name}={value}" for name, value in chosen.items())


def search_parameters(index: Any, k: int, effort: int) -> Any:
    """Faiss search parameters, `effort` times as broad as those saved with the index."""
    faiss = import_module(FAISS)

    kind = faiss.downcast_index(index)
    if isinstance(kind, faiss.IndexPreTransform):
        inner = search_parameters(kind.index, k, effort)
        return faiss.SearchParametersPreTransform(index_params=inner)
    if isinstance(kind, faiss.IndexHNSW):
        # A graph search finds no more than that.
        return faiss.SearchParametersHNSW(efSearch=max(k, kind.hnsw.efSearch * effort))
    if isinstance(kind, faiss.IndexIVF):
        return faiss.SearchParametersIVF(nprobe=min(kind.nlist, kind.nprobe * effort))
    return faiss.SearchParameters()

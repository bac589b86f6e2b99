"""Builds the index that autofaiss chooses, and tunes its search parameters by recall."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError
from engines.index import autofaiss_patch, factory, parameters, spool, tuning, version
from engines.index.batches import Batch
from engines.index.index import Index, open_index

VERSION = "1"

__all__ = ["Index", "Options", "build", "key_for", "open_index"]


@dataclass(frozen=True, slots=True)
class Options:
    """autofaiss's options by its own names; None leaves the choice to its heuristics.

    Search parameters are the narrowest that reach `recall_aim` on a probe. With
    `max_index_query_time_ms` autofaiss tunes by timing, and the result depends on the machine.
    """

    index_key: str | None = None
    max_index_memory_usage: str = "16G"
    current_memory_available: str = "32G"
    max_index_query_time_ms: float | None = None
    min_nearest_neighbors_to_retrieve: int = 20
    should_be_memory_mappable: bool = False
    use_gpu: bool = False
    nb_cores: int | None = None
    recall_aim: float = 0.98
    seed: int = 0


def key_for(count: int, dim: int, options: Options) -> str:
    """The faiss key for `count` vectors: the one given, or the first that autofaiss would try."""
    if options.index_key:
        return options.index_key
    from autofaiss.external.optimize import get_optimal_index_keys_v2

    keys = get_optimal_index_keys_v2(
        count,
        dim,
        options.max_index_memory_usage,
        should_be_memory_mappable=options.should_be_memory_mappable,
    )
    if not keys:
        raise UserError(
            f"no index of {count} x {dim} vectors fits in {options.max_index_memory_usage}: "
            "raise max_index_memory_usage"
        )
    return keys[0]


def build(
    batches: Iterable[Batch],
    out: Path,
    options: Options = Options(),
    *,
    about: Mapping[str, Any] | None = None,
    probes: np.ndarray | None = None,
) -> version.BuiltVersion:
    """Writes a version folder; rows are in a seeded random order, so training sees a fair sample.

    `probes` (m, d) are further queries, such as texts, that must reach the recall aimed at.
    """
    with version.atomic_folder(out) as folder:
        # autofaiss reads a folder of files, never a stream.
        spooled = spool.write_shuffled(batches, folder / "spool", options.seed)
        count, dim = spooled.vectors.shape
        key = key_for(count, dim, options)
        # Half-precision copies go beside a quantised index, for exact scores.
        exact = spooled.vectors if parameters.is_lossy(key) else None
        record = {
            **(about or {}), "key": key, "parameters": {}, "figures": {}, "seed": options.seed,
            "trained_count": count,
        }  # fmt: skip
        faiss_index = _build_faiss(spooled.folder, key, options)
        index = Index(faiss_index, spooled.ids, record, exact)
        if options.max_index_query_time_ms is None:
            fill = options.min_nearest_neighbors_to_retrieve
            tuning.tune_index(
                index, options.recall_aim, fill=fill, probes=probes, seed=options.seed
            )
        index.write(folder)
        shutil.rmtree(spooled.folder)
    return version.describe_version(out)


def _build_faiss(vectors: Path, key: str, options: Options) -> Any:
    """The faiss index that autofaiss builds of the vectors in a folder, on the CPU."""
    from autofaiss import build_index

    with autofaiss_patch.patch_autofaiss(
        factory.build_with_gpus if options.use_gpu else factory.build_for_autofaiss
    ) as warnings:
        index, _ = build_index(
            str(vectors),
            save_on_disk=False,
            index_key=key,
            index_param=_first_parameters(key, options),
            max_index_query_time_ms=options.max_index_query_time_ms or 10.0,
            max_index_memory_usage=options.max_index_memory_usage,
            min_nearest_neighbors_to_retrieve=options.min_nearest_neighbors_to_retrieve,
            current_memory_available=options.current_memory_available,
            nb_cores=options.nb_cores,
            make_direct_map="IVF" in key,  # else lists cannot give vectors back by row
        )
    # On most errors autofaiss logs a line and returns None.
    if index is None:
        raise UserError(f"autofaiss built no index: {' '.join(warnings) or 'no reason given'}")
    return index


def _first_parameters(key: str, options: Options) -> str | None:
    """The narrowest search parameters: any at all keep autofaiss from timing; None has it time."""
    if options.max_index_query_time_ms is not None:
        return None
    return parameters.format_parameters(parameters.build_ladder(key)[0])

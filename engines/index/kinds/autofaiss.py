"""autofaiss chooses and builds the index; its search parameters are chosen by recall."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError
from engines.index import autofaiss_patch, factory, parameters, spool, tuning, version
from engines.index.batches import Batch
from engines.index.index import Index, open

VERSION = "1"

__all__ = ["Index", "Options", "build", "key_for", "open"]


@dataclass(frozen=True, slots=True)
class Options:
    """What autofaiss is asked for, by its own names; None leaves the choice to its heuristics.

    Parameters are the narrowest that reach `recall_aim` on a probe. With `max_index_query_time_ms`
    autofaiss tunes by timing instead, and the result depends on the machine.
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
    """The faiss key for so many vectors: the one given, or the first that autofaiss would try."""
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
) -> version.Built:
    """Writes a version folder; rows are in a seeded random order, so training sees a fair sample.

    `probes` (m, d) are further queries, such as texts, that must reach the recall aimed at.
    """
    with version.building(out) as folder:
        held = spool.shuffled(batches, folder / "spool", options.seed)
        count, dim = held.vectors.shape
        key = key_for(count, dim, options)
        exact = held.vectors if parameters.lossy(key) else None
        said = {**(about or {}), "key": key, "parameters": {}, "figures": {}, "seed": options.seed}
        index = Index(_faiss(held.folder, key, options), held.ids, said, exact)
        if options.max_index_query_time_ms is None:
            fill = options.min_nearest_neighbors_to_retrieve
            tuning.tune(index, options.recall_aim, fill=fill, probes=probes, seed=options.seed)
        index.write(folder)
        shutil.rmtree(held.folder)
    return version.described(out)


def _faiss(vectors: Path, key: str, options: Options) -> Any:
    """The faiss index that autofaiss makes of the vectors in a folder, on the CPU."""
    from autofaiss import build_index

    with autofaiss_patch.autofaiss(
        factory.accelerated if options.use_gpu else factory.by_metric
    ) as said:
        made, _ = build_index(
            str(vectors),
            save_on_disk=False,
            index_key=key,
            index_param=_untimed(key, options),
            max_index_query_time_ms=options.max_index_query_time_ms or 10.0,
            max_index_memory_usage=options.max_index_memory_usage,
            min_nearest_neighbors_to_retrieve=options.min_nearest_neighbors_to_retrieve,
            current_memory_available=options.current_memory_available,
            nb_cores=options.nb_cores,
            make_direct_map="IVF" in key,
        )
    if made is None:
        raise UserError(f"autofaiss built no index: {' '.join(said) or 'it does not say why'}")
    return made


def _untimed(key: str, options: Options) -> str | None:
    """Any parameters at all keep autofaiss from timing; None asks it to."""
    if options.max_index_query_time_ms is not None:
        return None
    return parameters.text(parameters.ladder(key)[0])

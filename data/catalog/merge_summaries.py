"""Brings what experiments and evaluations came to into the catalogue."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from data.catalog.database import Catalog
from data.catalog.merged import insert_rows, is_merged, mark, only
from data.store import layout
from data.store.storage import Store

Said = dict[str, Any]
FORGET = {
    "experiment": "DELETE FROM experiments WHERE experiment = $id",
    "evaluation": "DELETE FROM evaluations WHERE evaluation = $id",
}


def sync_experiments(catalog: Catalog, store: Store) -> None:
    """Merges the results of every experiment that came to its end."""
    _sync(catalog, store, layout.EXPERIMENTS, "experiment", _results)


def sync_evaluations(catalog: Catalog, store: Store) -> None:
    """Merges the means of every evaluation that came to its end."""
    _sync(catalog, store, layout.EVALUATIONS, "evaluation", _means)


def _sync(
    catalog: Catalog, store: Store, kind: str, key: str, rows: Callable[[Said], Iterator[Said]]
) -> None:
    """Summaries, alone of all files, are written again as more is found: what each says counts."""
    for folder in store.names(kind):
        name = f"{folder}/summary.json"
        try:
            content = store.read(name)
        except FileNotFoundError:
            continue
        merged = f"{name} {hashlib.sha256(content).hexdigest()}"
        if is_merged(catalog, merged):
            continue
        said = json.loads(content)
        with catalog.transaction():
            catalog.execute(FORGET[key], id=said[key])
            catalog.execute("DELETE FROM merged WHERE starts_with(path, $name)", name=name)
            insert_rows(catalog, f"{key}s", list(rows(said)), {})
            mark(catalog, [merged])


def _results(said: Said) -> Iterator[Said]:
    for result in said["results"]:
        yield result | only(said, "experiment", "corpus", "made")


def _means(said: Said) -> Iterator[Said]:
    where = only(said, "evaluation", "made", "source", "benchmark", "mode")
    for method in said["methods"]:
        plain = only(method, "method", "videos", "failed", "dropped")
        for mean in method["means"]:
            found = only(mean, "metric", "label", "n", "unmeasured", "mean", "low", "high")
            yield where | plain | found

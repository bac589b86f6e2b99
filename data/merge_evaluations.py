"""Brings evaluations into the catalogue: what each of them found of each method."""

import json
from collections.abc import Iterator
from typing import Any

from data import layout
from data.catalog import Catalog
from data.merged import insert_rows, mark, new, only
from data.storage import Store


def sync_evaluations(catalog: Catalog, store: Store) -> None:
    """Merges the means of every evaluation that came to its end."""
    for folder in store.names(layout.EVALUATIONS):
        for name in new(catalog, store, folder, "summary.json"):
            said = json.loads(store.read(name))
            with catalog.transaction():
                where = only(said, "evaluation", "made", "source", "benchmark", "mode")
                insert_rows(catalog, "evaluations", [where | row for row in _means(said)], {})
                mark(catalog, [name])


def forget(catalog: Catalog, evaluation: str) -> None:
    """What the catalogue has of an evaluation is merged anew: a second try found more."""
    with catalog.transaction():
        catalog.execute("DELETE FROM evaluations WHERE evaluation = $id", id=evaluation)
        name = f"{layout.evaluation(evaluation)}/summary.json"
        catalog.execute("DELETE FROM merged WHERE path = $path", path=name)


def _means(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for method in said["methods"]:
        plain = only(method, "method", "videos", "failed", "dropped")
        for mean in method["means"]:
            found = only(mean, "metric", "label", "n", "unmeasured", "mean", "low", "high")
            yield plain | found

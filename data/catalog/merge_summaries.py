"""Merges the summaries of experiments and evaluations into the catalogue."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from data.catalog.database import Catalog
from data.catalog.merged import insert_rows, is_merged, mark_merged, pick_keys
from data.store import layout
from data.store.storage import Store

Row = dict[str, Any]
DELETE_STATEMENTS = {
    "experiment": "DELETE FROM experiments WHERE experiment = $id",
    "evaluation": "DELETE FROM evaluations WHERE evaluation = $id",
}


def sync_experiments(catalog: Catalog, store: Store) -> None:
    """Merges the results of every finished experiment."""
    _sync_summaries(catalog, store, layout.EXPERIMENTS, "experiment", _result_rows)


def sync_evaluations(catalog: Catalog, store: Store) -> None:
    """Merges the means of every finished evaluation."""
    _sync_summaries(catalog, store, layout.EVALUATIONS, "evaluation", _mean_rows)


def _sync_summaries(
    catalog: Catalog, store: Store, kind: str, key: str, rows: Callable[[Row], Iterator[Row]]
) -> None:
    """Merges the summaries that changed, in place of what was merged of them before.

    Alone of all files they are rewritten, as more is measured: so their content counts, by its
    digest, not their name.
    """
    for folder in store.list_names(kind):
        name = f"{folder}/summary.json"
        try:
            content = store.read(name)
        except FileNotFoundError:  # not finished yet
            continue
        version = f"{name} {hashlib.sha256(content).hexdigest()}"
        if is_merged(catalog, version):
            continue
        summary = json.loads(content)
        with catalog.transaction():
            catalog.execute(DELETE_STATEMENTS[key], id=summary[key])
            # Only the newest version counts as merged: an older one may come back.
            catalog.execute("DELETE FROM merged WHERE starts_with(path, $name)", name=name)
            insert_rows(catalog, f"{key}s", list(rows(summary)), {})
            mark_merged(catalog, [version])


def _result_rows(summary: Row) -> Iterator[Row]:
    for result in summary["results"]:
        values = {name: value for name, value in result.items() if name != "prompts"}
        yield values | pick_keys(summary, "experiment", "corpus", "made")


def _mean_rows(summary: Row) -> Iterator[Row]:
    where = pick_keys(summary, "evaluation", "made", "source", "benchmark", "mode")
    for method in summary["methods"]:
        counts = pick_keys(method, "method", "videos", "failed", "dropped")
        for mean in method["means"]:
            values = pick_keys(mean, "metric", "label", "n", "unmeasured", "mean", "low", "high")
            yield where | counts | values

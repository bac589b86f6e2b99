"""Brings experiments into the catalogue: what each of them found."""

import json

from data import layout
from data.catalog import Catalog
from data.merged import insert_rows, mark, new, only
from data.storage import Store


def sync_experiments(catalog: Catalog, store: Store) -> None:
    """Merges the results of every experiment that came to its end."""
    for folder in store.names(layout.EXPERIMENTS):
        for name in new(catalog, store, folder, "summary.json"):
            said = json.loads(store.read(name))
            with catalog.transaction():
                where = only(said, "experiment", "corpus", "made")
                insert_rows(catalog, "experiments", said["results"], where)
                mark(catalog, [name])

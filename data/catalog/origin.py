"""Keeps a catalogue true to its store: one built from another store is built anew."""

from data.catalog import merge
from data.catalog.database import Catalog
from data.store.identity import read_store_id
from data.store.storage import Store


def follow_store(catalog: Catalog, store: Store) -> None:
    """Rebuilds the catalogue if it was built from another store than the one at this address.

    So it is where a bucket was emptied and begun anew: the new files have the names of the old.
    """
    store_id = read_store_id(store)
    known = [id for (id,) in catalog.execute("SELECT id FROM store")]
    if known == ([] if store_id is None else [store_id]):
        return
    # A catalogue that merged files and knows no id may be of any store: it is rebuilt once.
    if known or catalog.execute("SELECT 1 FROM merged LIMIT 1"):
        catalog.clear()
        merge.sync_all(catalog, store)
    if store_id is not None:
        catalog.execute("INSERT INTO store VALUES ($id)", id=store_id)

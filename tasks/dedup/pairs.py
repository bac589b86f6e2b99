"""The pairs that a dedup stage found, as a table of a database, which needs no memory for them."""

import pyarrow as pa

from data.catalog.database import Catalog
from data.shards.lists import list_done
from data.shards.stages import Stage
from data.store import layout, pairs, tables
from data.store.storage import Store


def load_pairs(catalog: Catalog, store: Store, stage: Stage) -> None:
    """Makes the pairs of every shard that is done a temporary table, `found_pairs`.

    A pair that was compared twice is there twice.
    """
    catalog.register(pairs.PAIRS.empty_table())
    catalog.execute("CREATE OR REPLACE TEMP TABLE found_pairs AS FROM incoming")
    for shard in list_done(store, stage.folder):
        name = layout.shard_file(stage.folder, shard)
        if store.exists(name):  # there is no file where there are no pairs
            for batch in tables.iter_batches(store, name, 65_536):
                catalog.insert("found_pairs", pa.Table.from_batches([batch]))

"""Packs into the catalogue: their rows in the place of those that they stand for."""

from data.catalog.database import Catalog, sql
from data.catalog.merged import mark
from data.shards.spans import Span, numbers
from data.store import layout, tables
from data.store.storage import Store


def merge_video_pack(catalog: Catalog, store: Store, corpus: str, name: str, found: Span) -> None:
    """Merges the parts of many ingests as one, whichever of them were merged before."""
    values = {"corpus": corpus, "first": found.first, "last": found.last}
    with catalog.transaction():
        catalog.register(tables.read(store, name))
        for table in ("videos", "rejects"):
            catalog.execute(sql(f"drop_packed_{table}"), **values)
            catalog.execute(sql(f"add_packed_{table}"), **values)
        _unmark(catalog, layout.videos(corpus), found)
        mark(catalog, [name])


def forget_packed(catalog: Catalog, where: dict[str, str], part: str, pack: str) -> None:
    """Drops the rows of the lists or receipts that a pack stands for; its own come after."""
    found = numbers(pack)
    first, past = found.ends
    for table in ("shards",) if part == "shards" else ("receipts", "outcomes"):
        catalog.execute(sql(f"drop_packed_{table}"), first=first, past=past, **where)
    folder = layout.stage(where["corpus"], where["stage"], where["fingerprint"])
    _unmark(catalog, f"{folder}/{part}", found)


def _unmark(catalog: Catalog, folder: str, found: Span) -> None:
    first, past = found.ends
    catalog.execute(sql("unmark"), first=f"{folder}/{first}", past=f"{folder}/{past}")

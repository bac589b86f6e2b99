"""Merges packs into the catalogue: their rows replace those of the files they stand for."""

from data.catalog.database import Catalog, load_sql
from data.catalog.merged import mark_merged
from data.shards.spans import Span, parse_span
from data.store import layout, tables
from data.store.storage import Store


def merge_video_pack(catalog: Catalog, store: Store, corpus: str, name: str, span: Span) -> None:
    """Merges a pack of ingests' parts, whichever of these were merged before."""
    values = {"corpus": corpus, "first": span.first, "last": span.last}
    # In one transaction: after a kill there are the files' rows or the pack's, never a mix.
    with catalog.transaction():
        catalog.register(tables.read_table(store, name))
        for table in ("videos", "rejects"):
            catalog.execute(load_sql(f"drop_packed_{table}"), **values)
            catalog.execute(load_sql(f"add_packed_{table}"), **values)
        # The pack is marked in place of these, so that the table of marks does not grow for ever.
        _unmark_files(catalog, layout.videos_folder(corpus), span)
        mark_merged(catalog, [name])


def drop_packed_rows(catalog: Catalog, where: dict[str, str], part: str, pack: str) -> None:
    """Drops the rows of the lists or receipts that a pack stands for; its own are added next."""
    span = parse_span(pack)
    first, past = span.ends
    for table in ("shards",) if part == "shards" else ("receipts", "outcomes"):
        catalog.execute(load_sql(f"drop_packed_{table}"), first=first, past=past, **where)
    folder = layout.stage_folder(where["corpus"], where["stage"], where["fingerprint"])
    _unmark_files(catalog, f"{folder}/{part}", span)


def _unmark_files(catalog: Catalog, folder: str, span: Span) -> None:
    first, past = span.ends
    catalog.execute(load_sql("unmark_merged"), first=f"{folder}/{first}", past=f"{folder}/{past}")

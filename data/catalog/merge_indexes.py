"""Merges the versions of indexes into the catalogue: the contents that each one holds."""

from data.catalog.database import Catalog, load_sql
from data.catalog.merged import insert_columns, is_merged, mark_merged
from data.store import layout, tables
from data.store.storage import Store


def sync_index(
    catalog: Catalog, store: Store, corpus: str, fingerprint: str, kind: str = "index"
) -> None:
    """Merges the contents of each version of an index; those of removed versions are dropped."""
    folder = layout.stage_folder(corpus, kind, fingerprint)
    versions = store.list_names(folder)
    _drop_members(catalog, corpus, fingerprint, folder, versions)
    for version in versions:
        name = f"{version}/ids.parquet"
        if is_merged(catalog, name) or not store.exists(f"{version}/index.json"):
            continue
        content = tables.read_table(store, name).column("content")
        with catalog.transaction():
            insert_columns(catalog, "members", {"content": content}, corpus=corpus,
                    fingerprint=fingerprint, version=version.rsplit("/", 1)[-1])  # fmt: skip
            mark_merged(catalog, [name])


def _drop_members(
    catalog: Catalog, corpus: str, fingerprint: str, folder: str, versions: list[str]
) -> None:
    """Drops the members of versions that are in the store no more: a corpus each."""
    if catalog.frozen:
        return
    rows = catalog.execute(
        "SELECT path FROM merged WHERE starts_with(path, $folder)", folder=f"{folder}/"
    )
    for (path,) in rows:
        version = path.removesuffix("/ids.parquet")
        if version not in versions:
            with catalog.transaction():
                catalog.execute(
                    load_sql("drop_members"), corpus=corpus, fingerprint=fingerprint,
                    version=version.rsplit("/", 1)[-1],
                )  # fmt: skip
                catalog.execute("DELETE FROM merged WHERE path = $path", path=path)

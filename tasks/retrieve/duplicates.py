"""Looks up which videos are near-duplicates of others, for searches and for the leak guard."""

from collections.abc import Iterable, Sequence

from data.catalog.database import load_sql
from data.errors import UserError
from data.workspace import Workspace


def read_group_members(
    workspace: Workspace, corpus: str, ids: Iterable[str]
) -> dict[str, list[tuple[str, str]]]:
    """The id and content of all videos of each of these videos' groups, itself among them.

    Videos that are in no group are left out. A UserError where the corpus was not searched for
    near-duplicates: that there are none is not known then.
    """
    with workspace.open_synced_catalog(corpus) as catalog:
        if not catalog.execute(load_sql("is_deduplicated"), corpus=corpus):
            raise UserError(f"{corpus} has no groups yet: find them with `reelflow dedup {corpus}`")
        rows = catalog.execute(load_sql("group_members"), corpus=corpus, ids=sorted(set(ids)))
    groups: dict[str, list[tuple[str, str]]] = {}
    for given, id, content in rows:
        groups.setdefault(given, []).append((id, content))
    return groups


def list_group_contents(workspace: Workspace, corpus: str, ids: Iterable[str]) -> list[str]:
    """The contents of all videos in the groups of these videos."""
    groups = read_group_members(workspace, corpus, ids).values()
    return [content for members in groups for _, content in members]


def add_near_duplicates(
    workspace: Workspace, corpus: str, ids: Sequence[str], contents: Sequence[str]
) -> list[frozenset[str]]:
    """Each of these videos' contents with those of its near-duplicates, in the order of `ids`."""
    groups = read_group_members(workspace, corpus, ids)
    return [
        frozenset([content, *(member for _, member in groups.get(id, []))])
        for id, content in zip(ids, contents, strict=True)
    ]

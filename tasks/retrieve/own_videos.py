"""What a prompt about a video of the corpus must not find: the video, and its relatives."""

from collections.abc import Sequence

from data.catalog.database import load_sql
from data.catalog.filter_terms import quote_name
from data.errors import UserError
from data.records import Prompt
from data.specs.retrieve import RetrieveSpec
from data.workspace import Workspace
from tasks.retrieve.duplicates import read_group_members
from tasks.retrieve.same_source import read_column_values


def list_own_contents(
    workspace: Workspace, corpus: str, prompts: Sequence[Prompt], spec: RetrieveSpec
) -> list[frozenset[str]]:
    """Each prompt's contents to exclude; none for a prompt whose column `spec.own` is empty.

    They are those of its own video and of all spans of the file that this is one of, with
    `exclude_groups` of the video's near-duplicates, and with
    `not_from_same` of all that have the video's value in that column. A UserError for an id that is
    not in the corpus.
    """
    assert spec.own is not None
    ids = [prompt.find_value(spec.own) for prompt in prompts]
    given = sorted({id for id in ids if id})
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.execute(load_sql("contents_by_id"), corpus=corpus, ids=given)
    contents: dict[str, str] = dict(rows)
    if missing := [id for id in given if id not in contents]:
        raise UserError(
            f"{corpus} has no video {missing[0]!r}, which a prompt names in its column {spec.own}"
        )
    relatives: dict[str, set[str]] = {id: {contents[id]} for id in given}
    for id, spans in find_spans_beside(workspace, corpus, given).items():
        relatives[id] |= spans
    if spec.exclude_groups and given:
        for id, members in read_group_members(workspace, corpus, given).items():
            relatives[id] |= {content for _, content in members}
    if spec.not_from_same is not None and given:
        _add_same(workspace, corpus, relatives, spec.not_from_same)
    return [frozenset(relatives[id]) if id else frozenset() for id in ids]


def find_spans_beside(workspace: Workspace, corpus: str, ids: Sequence[str]) -> dict[str, set[str]]:
    """Of each of these videos that is a span of a file the contents of all that is cut from it."""
    with workspace.open_synced_catalog(corpus) as catalog:
        rows = catalog.execute(load_sql("cut_from_same_files"), corpus=corpus, ids=list(ids))
    beside: dict[str, set[str]] = {}
    for id, content in rows:
        beside.setdefault(id, set()).add(content)
    return beside


def _add_same(
    workspace: Workspace, corpus: str, relatives: dict[str, set[str]], column: str
) -> None:
    """Adds to each video's relatives the contents that have its value in a column."""
    values = read_column_values(workspace, corpus, list(relatives), column)
    name = quote_name(column)
    same: dict[str, set[str]] = {}
    # One query per value: clips of one film share theirs.
    for value in set(values.values()):
        literal = "'" + value.replace("'", "''") + "'"
        with workspace.select_videos(corpus, [f"{name}::VARCHAR = {literal}"]) as videos:
            same[value] = {content for (content,) in videos.project("content").fetchall()}
    for id, value in values.items():
        relatives[id] |= same[value]
